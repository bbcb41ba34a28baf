import { err, type Result } from "../common/result.ts";
import type { LeaseStore } from "./store.ts";

export interface StoreDeadlines {
  readonly saveMs: number;
  readonly recallMs: number;
}

/**
 * A store that answers in time, also where the disk hangs. A save that came too late is none, though its state may still
 * reach the disk; there is none beside it, so that nothing older ever comes after something newer.
 */
export function withDeadlines(store: LeaseStore, { saveMs, recallMs }: StoreDeadlines): LeaseStore {
  let writing = false;
  return {
    file: store.file,
    recall: () => within(recallMs, store.recall()),
    save: (state) => {
      if (writing) return Promise.resolve(err("the write before has not ended"));
      writing = true;
      const saved = store.save(state).finally(() => {
        writing = false;
      });
      return within(saveMs, saved);
    },
  };
}

function within<T>(ms: number, answer: Promise<Result<T, string>>): Promise<Result<T, string>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => resolve(err(`no answer from the disk in ${ms} ms`)), ms);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
