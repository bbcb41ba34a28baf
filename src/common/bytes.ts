const UNITS: Readonly<Record<string, number>> = { "": 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/**
 * Bytes, as Docker and Kubernetes write them: `8589934592`, `8g`, `8G`, `8Gi`, `8GiB`, `8192m`, `500Mi`. All units
 * are powers of two, as in Docker. Undefined when the text is not a size, or is 0.
 */
export function parseBytes(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([kmgt])i?)?b?$/i.exec(text);
  const bytes = match ? Math.round(Number(match[1]) * (UNITS[(match[2] ?? "").toLowerCase()] ?? 1)) : 0;
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : undefined;
}
