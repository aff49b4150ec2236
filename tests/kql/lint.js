// Reads {"tables": {table: {column: type}}, "queries": [{"id", "text"}]} and says of each query what
// Microsoft's own analyser finds wrong, what it returns, and which of our rules it breaks.
"use strict";

const { readFileSync } = require("node:fs");
require("@kusto/language-service-next/bridge.min.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");

const { GlobalState, KustoCode, Symbols, Syntax } = Kusto.Language;
const TYPES = {
  bool: "Bool", datetime: "DateTime", decimal: "Decimal", dynamic: "Dynamic", guid: "Guid", int: "Int",
  long: "Long", real: "Real", string: "String", timespan: "TimeSpan",
};
// To the analyser all of these are good KQL. They reach out of the workspace, or have no schema.
const FOREIGN = new Set([
  "adx", "app", "arg", "cluster", "database", "external_table", "resource", "stored_query_result", "workspace",
]);
const PLUGINS = new Set(["bag_unpack", "narrow", "pivot"]);

const items = (list) => Array.from({ length: list.Count }, (_, place) => list.getItem(place));
const kind = (node) => (typeof node.Kind === "string" ? node.Kind : System.Enum.getName(Syntax.SyntaxKind, node.Kind));

function globals(tables) {
  const made = Object.entries(tables).map(([name, columns]) => {
    const typed = Object.entries(columns).map(([column, type]) => {
      if (!(type in TYPES)) throw new Error(`${name}.${column}: there is no type ${type}`);
      return new Symbols.ColumnSymbol(column, Symbols.ScalarTypes[TYPES[type]], null, null, null, null);
    });
    return new Symbols.TableSymbol.$ctor4(name, typed);
  });
  return GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.$ctor2("workspace", null, made));
}

/** Yields the rules that one node of the syntax tree breaks. */
function* broken(node) {
  const what = kind(node);
  if (/Command/.test(what)) yield "command";
  if (/ExternalData/.test(what)) yield "externaldata";
  if (what !== "FunctionCallExpression") return;
  const name = node.Name.SimpleName;
  if (FOREIGN.has(name)) yield `foreign: ${name}`;
  if (node.Parent && /Evaluate/.test(kind(node.Parent)) && !PLUGINS.has(name)) yield `plugin: ${name}`;
}

function linted(state, { id, text }) {
  const code = KustoCode.ParseAndAnalyze(text, state);
  const rules = /^\s*\./m.test(text) ? ["command"] : [];
  Syntax.SyntaxElement.WalkNodes(code.Syntax, (node) => rules.push(...broken(node)));
  const columns = code.ResultType?.Columns ? items(code.ResultType.Columns).map((one) => [one.Name, one.Type.Name]) : [];
  const faults = items(code.GetDiagnostics())
    .filter((one) => one.Severity === "Error")
    .map((one) => `${one.Code} at ${text.slice(0, one.Start).split("\n").length}: ${one.Message}`);
  return { id, columns, faults: [...faults, ...new Set(rules)] };
}

const asked = JSON.parse(readFileSync(0, "utf8"));
const state = globals(asked.tables);
process.stdout.write(JSON.stringify(asked.queries.map((query) => linted(state, query))));
