/**
 * Python for a program that has imported ray. The HEAD starts a server for each client, and a busy one gives up on it
 * after 30 s (ray/util/client/server/proxier.py, Ray 2.40 to 2.60): that is worth another try. Where nothing answers it is not.
 */
export const CONNECT = `
def connect(url, level):
    for patience in (2, 1, 0):
        try:
            return ray.init(url, logging_level=level)
        except ConnectionAbortedError as error:
            if patience == 0:
                raise
            print(f"→ Trying again: {first_line(error)}", flush=True)

def first_line(error):
    return f"{type(error).__name__}: {error}".splitlines()[0]
`;
