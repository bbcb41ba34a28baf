import { ok } from "../../src/common/result.ts";
import type { Published } from "../../src/entrypoint/lease/other-head.ts";
import { isOwn } from "../../src/entrypoint/ray/store/leadership.ts";
import type { ClusterState } from "../../src/entrypoint/ray/store/state-folder.ts";
import type { Entrypoint } from "./entrypoint.ts";
import type { Tenure } from "./promises/store-checker.ts";

/** The state folder of a host, which outlives its containers. */
export interface Folder {
  life: string | null;
  /** Under which its store was used last. */
  epoch: number | null;
  store: Store | null;
}

interface Store {
  readonly gcs: Published;
  /** Who led with it last under a lease. */
  under: Tenure | null;
}

/** As src/entrypoint/ray/store/state-folder.ts. A host has one container at a time, so nobody else has the lock. */
export class ModelState implements ClusterState {
  readonly #entrypoint: Entrypoint;
  readonly #folder: Folder;
  /** This life leads with the store. */
  #keeps = false;
  #under: Tenure | null = null;

  constructor(entrypoint: Entrypoint) {
    this.#entrypoint = entrypoint;
    this.#folder = entrypoint.place.folder;
  }

  readonly takeOver: ClusterState["takeOver"] = async (runId) => {
    const { life, epoch } = this.#folder;
    this.#folder.life = runId;
    return ok({ life, epoch });
  };

  readonly lead: ClusterState["lead"] = ({ kind }, leadership) => {
    const { scene, place, runId } = this.#entrypoint;
    const { epoch, store } = this.#folder;
    this.#keeps = kind === "rocksdb";
    const kept = this.#keeps && isOwn(epoch, leadership);
    this.#under =
      leadership.epoch === null ? (store?.under ?? null) : { life: runId, epoch: leadership.epoch };
    if (store !== null && this.#keeps && leadership.epoch !== null)
      scene.checker.stores.used(place.name, store.under, this.#under, kept);
    if (store !== null && this.#keeps) scene.note(kept ? "clusters that went on" : "stores put aside");
    if (!kept) this.#folder.store = null;
    else if (store !== null) store.under = this.#under;
    if (this.#keeps) this.#folder.epoch = leadership.epoch ?? epoch;
    return null;
  };

  /** The GCS that starts now, which is that of the store where there is one. */
  open(fresh: Published): Published {
    if (!this.#keeps) return fresh;
    this.#folder.store ??= { gcs: fresh, under: this.#under };
    return this.#folder.store.gcs;
  }

  readonly renewed: ClusterState["renewed"] = (epoch) => {
    if (!this.#keeps) return;
    this.#folder.epoch = epoch;
    this.#under = { life: this.#entrypoint.runId, epoch };
    if (this.#folder.store !== null) this.#folder.store.under = this.#under;
  };

  readonly serves: ClusterState["serves"] = () => null;

  readonly holdsCluster: ClusterState["holdsCluster"] = () => this.#keeps && this.#folder.store !== null;

  readonly follow: ClusterState["follow"] = () => {
    this.#keeps = false;
    this.#folder.store = null;
  };
}
