/*
 * The words of the log that the commands of docs/specification.md look for (`docker logs … | grep "Mode:"`): the one contract in
 * words between programs and `ws`, which takes all else as data.
 */
export const MODE_LINES = { head: "Mode: head", worker: "Mode: worker" } as const;
export const IN_WHITELIST = "✓ Node is in head whitelist";
export const CLIENT_CONNECTED = "✓ Ray client connected";

/** As in `HEAD_ADDRESS=ray-cpu:6379`. */
export const headAddressWords = (variable: string, address: string): string => `${variable}=${address}`;
