import { useState } from "preact/hooks";
import type { Moment } from "../picture.ts";
import { type Row, rowsOf } from "../rows.ts";
import { Log } from "./log.tsx";
import { For, Foreign } from "./text.tsx";

const COLUMNS = [
  "Node",
  "State",
  "Why",
  "Since",
  "Resources",
  "Restarts",
  "Address",
  "Dial-back",
  "Log",
] as const;

/** A row a node, and its log on a click. */
export function Nodes(moment: Moment) {
  const [open, setOpen] = useState<string>();
  return (
    <section aria-labelledby="nodes">
      <h2 id="nodes">Nodes</h2>
      <table>
        <thead>
          <tr>
            {COLUMNS.map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rowsOf(moment).map((row) => (
            <NodeRow
              key={row.name}
              {...{ row, nowMs: moment.nowMs, isOpen: open === row.name }}
              onToggle={() => setOpen(open === row.name ? undefined : row.name)}
            />
          ))}
        </tbody>
      </table>
    </section>
  );
}

interface Props {
  readonly row: Row;
  readonly nowMs: number;
  readonly isOpen: boolean;
  readonly onToggle: () => void;
}

function NodeRow({ row, nowMs, isOpen, onToggle }: Props) {
  const { name, role, state, tone, why, sinceMs, resources, versions, restarts, address, card, reach } = row;
  return (
    <>
      <tr data-tone={tone}>
        <th scope="row">
          <Foreign max={40}>{name}</Foreign>
          {role && <span class={`role ${role.toLowerCase()}`}>{role}</span>}
        </th>
        <Cell title="State">
          <span class={`state ${tone}`}>
            <span class="dot" aria-hidden="true" />
            {state}
          </span>
        </Cell>
        <Cell title="Why">{why && <Foreign>{why}</Foreign>}</Cell>
        <Cell title="Since">{sinceMs !== undefined && <For ms={sinceMs} nowMs={nowMs} />}</Cell>
        <Cell title="Resources">
          {resources.length > 0 && resources.join(" · ")}
          {small(versions)}
        </Cell>
        <Cell title="Restarts">{restarts}</Cell>
        <Cell title="Address">
          {address && <Foreign max={40}>{address}</Foreign>}
          {small(card)}
        </Cell>
        <Cell title="Dial-back">
          {reach && (
            <span class={reach.tone}>
              <Foreign max={60}>{reach.text}</Foreign>
            </span>
          )}
        </Cell>
        <Cell title="Log">
          <button type="button" aria-expanded={isOpen} aria-label={`Log of ${name}`} onClick={onToggle}>
            Log
          </button>
        </Cell>
      </tr>
      {isOpen && (
        <tr class="log">
          <td colSpan={COLUMNS.length}>
            <Log node={name} />
          </td>
        </tr>
      )}
    </>
  );
}

const Cell = ({ title, children }: { title: string; children?: preact.ComponentChildren }) => (
  <td data-title={title}>{[children].flat().some(isShown) ? children : <span class="none">–</span>}</td>
);

const isShown = (child: unknown): boolean => child !== undefined && child !== false && child !== "";

const small = (text: string | undefined) =>
  text !== undefined &&
  text !== "" && (
    <small>
      <Foreign max={60}>{text}</Foreign>
    </small>
  );
