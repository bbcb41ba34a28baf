/** What this machine is: which user runs us and which Ray is installed. */
export interface LocalFact {
  /** Milliseconds that the look took. */
  readonly ms: number;
  readonly uid: number;
  readonly user: string;
  /** The user that Ray shall run as; null where the system has no such user. */
  readonly rayUser: RayUser | null;
  /** True if this process is that user or may become it. */
  readonly mayBecome: boolean;
  /** The requirement files to install first, in order. */
  readonly requirements: readonly string[];
  /** The ones that the user that Ray runs as cannot read. */
  readonly unreadable: { readonly path: string; readonly code: string } | null;
  readonly ray:
    | {
        readonly kind: "found";
        readonly path: string;
        readonly version: string | null;
        /** Major and minor of its Python, such as 3.12. */
        readonly python: string | null;
      }
    /** `searched`: the only place that may have held it; null where all the usual ones were looked at. */
    | { readonly kind: "missing"; readonly searched: string | null }
    | { readonly kind: "not-executable"; readonly path: string; readonly code: string };
}

/** The Ray that was found. */
export const rayOf = ({ ray }: Pick<LocalFact, "ray">) => (ray.kind === "found" ? ray : undefined);

/** An entry of the user database. */
export interface RayUser {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  /** Supplementary groups, used when root becomes this user. */
  readonly groups: readonly number[];
  readonly home: string;
  readonly shell: string;
}
