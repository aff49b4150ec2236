import { defineConfig } from "vitest/config";

export default defineConfig({
  base: "/",
  // The headers of the page live in one file, which the host reads from beside index.html.
  publicDir: "public",
  build: {
    target: "es2023",
    cssTarget: "esnext",
    assetsInlineLimit: 0, // `script-src 'self'` and `connect-src 'self'` admit no data: address
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: ["index.html", "feeds.html", "cases.html", "gate.html", "src/sw.ts"],
      // Browsers look for news of a service worker where it was: its name has no hash.
      output: { entryFileNames: ({ name }) => (name === "sw" ? "sw.js" : "assets/[name]-[hash].js") },
    },
    sourcemap: false,
    reportCompressedSize: true,
  },
  worker: { format: "es" },
  plugins: [
    {
      name: "headers-beside-the-page",
      async generateBundle() {
        const { readFile } = await import("node:fs/promises");
        const source = await readFile(new URL("staticwebapp.config.json", import.meta.url), "utf8");
        this.emitFile({ type: "asset", fileName: "staticwebapp.config.json", source });
      },
    },
  ],
  test: { include: ["src/**/*.test.ts"], environment: "node" },
});
