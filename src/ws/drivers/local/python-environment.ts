type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The variables of pip that say where packages come from and how to reach it. All others change what is installed, or
 * where.
 */
const PIP_KEPT =
  /^PIP_(?:INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|TRUSTED_HOST|CERT|CLIENT_CERT|PROXY|CONFIG_FILE|CACHE_DIR|NO_CACHE_DIR|TIMEOUT|DEFAULT_TIMEOUT|RETRIES|KEYRING_PROVIDER)$/;

/** Variables that would bring another Python or its modules into a virtual environment. */
const FOREIGN = /^(?:PYTHON\w*|__PYVENV_LAUNCHER__|VIRTUAL_ENV\w*|CONDA_\w*)$/;

/** The environment for making a virtual environment, without what the shell has set for other Pythons. Pure. */
export const pythonEnvironment = (env: Environment): Record<string, string> =>
  Object.fromEntries(
    Object.entries(env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined &&
        !FOREIGN.test(entry[0]) &&
        (!entry[0].startsWith("PIP_") || PIP_KEPT.test(entry[0])),
    ),
  );
