import { type Address, sameAddress } from "../../common/address.ts";
import type { GcsClient } from "../../gcs/client.ts";

/**
 * The channel to the GCS of this node's cluster. Before Ray runs, its address is only a guess: a name may resolve
 * differently here (Debian maps the hostname to 127.0.1.1), and Ray itself chooses an interface. Its processes know it.
 */
export class OwnGcs implements GcsClient {
  readonly #open: (address: Address) => GcsClient;
  #address: Address;
  #client: GcsClient;
  #isKnown = false;

  constructor(guess: Address, open: (address: Address) => GcsClient) {
    this.#open = open;
    this.#address = guess;
    this.#client = open(guess);
  }

  get address(): Address {
    return this.#address;
  }

  /** False while the address is only a guess, at which another node's GCS may serve. */
  get isKnown(): boolean {
    return this.#isKnown;
  }

  /** Sets the address of the GCS; undefined: the guess is used. */
  moveTo(address: Address | undefined): void {
    this.#isKnown = true;
    if (address === undefined || sameAddress(address, this.#address)) return;
    this.#client.close();
    this.#address = address;
    this.#client = this.#open(address);
  }

  readonly checkAlive: GcsClient["checkAlive"] = (...words) => this.#client.checkAlive(...words);
  readonly clusterId: GcsClient["clusterId"] = (...words) => this.#client.clusterId(...words);
  readonly nodes: GcsClient["nodes"] = (...words) => this.#client.nodes(...words);
  readonly kvGet: GcsClient["kvGet"] = (...words) => this.#client.kvGet(...words);
  readonly kvPut: GcsClient["kvPut"] = (...words) => this.#client.kvPut(...words);
  readonly close = (): void => this.#client.close();
}
