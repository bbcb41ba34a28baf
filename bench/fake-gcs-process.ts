/** A fake GCS as a process of its own, so that its work does not stand in the way of what is measured. */
import { FakeGcs } from "../test/fixtures/fake-gcs.ts";

const gcs = await FakeGcs.start();
console.log(gcs.address.port);
