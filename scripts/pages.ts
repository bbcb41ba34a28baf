/** What must hold of the pages that people read: README.md stays short, and each link and citation leads somewhere. */
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const MAX_README_BYTES = 8192;

/** Every problem of the pages below `root`, one line each. */
export function findPageProblems(root: string): string[] {
  const read = (file: string): string => readFileSync(join(root, file), "utf8");
  const pages = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", ...globSync("docs/*.md", { cwd: root })];
  const bytes = Buffer.byteLength(read("README.md"));
  const tooLong = `README.md: expected at most ${MAX_README_BYTES} bytes, got ${bytes}. → Move what few readers need to a page in docs/`;
  return [
    ...(bytes > MAX_README_BYTES ? [tooLong] : []),
    ...pages.flatMap((page) => deadLinks(root, page, read)),
    ...deadCitations(root, read),
  ];
}

type Read = (file: string) => string;

function deadLinks(root: string, page: string, read: Read): string[] {
  const links = [...proseOf(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
  return links
    .filter((link) => !/^[a-z]+:/.test(link) && !leadsSomewhere(link))
    .map((link) => `${page}: the link ${link} leads nowhere`);

  function leadsSomewhere(link: string): boolean {
    const [path = "", anchor] = link.split("#");
    const file = path === "" ? page : join(dirname(page), path);
    if (!existsSync(join(root, file))) return false;
    return anchor === undefined || anchorsOf(proseOf(read(file))).includes(anchor);
  }
}

const proseOf = (text: string): string => text.replace(/^```[\s\S]*?^```/gm, "");

/** The anchors that GitHub gives to headings. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );

/** Comments cite a row of docs/faults.md by its number, as in "docs/faults.md 2.3". */
function deadCitations(root: string, read: Read): string[] {
  const rows = new Set([...read("docs/faults.md").matchAll(/^\| ([\d.]+) \|/gm)].map(([, row]) => row));
  return globSync("{src,test,bench,docker}/**/*.{ts,sh}", { cwd: root }).flatMap((file) =>
    [...read(file).matchAll(/docs\/faults\.md (\d[\d.]*\d|\d)/g)]
      .filter(([, row]) => !rows.has(row))
      .map(([citation]) => `${file}: ${citation} is not there`),
  );
}
