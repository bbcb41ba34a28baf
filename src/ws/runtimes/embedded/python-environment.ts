type Environment = Readonly<Record<string, string | undefined>>;

/** What of pip's variables says where packages come from and how that is reached; all others change what is installed, or where. */
const PIP_KEPT =
  /^PIP_(?:INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|TRUSTED_HOST|CERT|CLIENT_CERT|PROXY|CONFIG_FILE|CACHE_DIR|NO_CACHE_DIR|TIMEOUT|DEFAULT_TIMEOUT|RETRIES|KEYRING_PROVIDER)$/;

/** Would bring modules of another Python, or another Python, into a virtual environment. */
const FOREIGN = /^(?:PYTHON\w*|__PYVENV_LAUNCHER__|VIRTUAL_ENV\w*|CONDA_\w*)$/;

/** The environment in which a virtual environment is made the same whatever the shell has set for others. Pure. */
export const pythonEnvironment = (env: Environment): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined &&
        !FOREIGN.test(entry[0]) &&
        (!entry[0].startsWith("PIP_") || PIP_KEPT.test(entry[0])),
    ),
  );
