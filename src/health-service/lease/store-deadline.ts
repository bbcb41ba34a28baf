import { type Clock, realClock } from "../../common/deadline.ts";
import { err, type Result } from "../../common/result.ts";
import type { StateFile } from "./state-file.ts";

export interface StoreDeadlines {
  readonly saveMs: number;
  readonly recallMs: number;
}

/**
 * A store that answers in time, also where the disk hangs. A save that came too late is none, though its state may still
 * reach the disk; there is none beside it, so that nothing older ever comes after something newer.
 */
export function withDeadlines(
  store: StateFile,
  { saveMs, recallMs }: StoreDeadlines,
  { pause }: Pick<Clock, "pause"> = realClock,
): StateFile {
  let writing = false;
  return {
    file: store.file,
    recall: () => within(recallMs, store.recall(), pause),
    save: (state) => {
      if (writing) return Promise.resolve(err("the write before has not ended"));
      writing = true;
      const saved = store.save(state).finally(() => {
        writing = false;
      });
      return within(saveMs, saved, pause);
    },
  };
}

function within<T>(
  ms: number,
  answer: Promise<Result<T, string>>,
  pause: Clock["pause"],
): Promise<Result<T, string>> {
  const over = new AbortController();
  const late = pause(ms, over.signal).then(() => err(`no answer from the disk in ${ms} ms`));
  return Promise.race([answer, late]).finally(() => over.abort());
}
