/** Where `ws` speaks: results on `out`, progress and errors on `err`. Both take whole lines, newline included. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Progress may redraw its lines. */
  readonly live: boolean;
}
