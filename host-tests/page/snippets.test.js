// The call as curl, Python and Node: copied from the page and run as it is.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { APIS, key, open } from './support.js';

const run = promisify(execFile);
const env = { ...process.env, OPENAI_API_KEY: key, ANTHROPIC_API_KEY: key, NO_PROXY: '127.0.0.1' };

/** Runs a snippet and returns what it prints. */
const LANGUAGES = {
  curl: (code) => run('sh', ['-c', code.replace('curl', 'curl --silent --show-error --fail-with-body')], { env }),
  Python: (code) => run(process.env.PYTHON, ['-c', code], { env }),
  async Node(code) {
    // Beside the packages that it imports.
    const file = new URL(`snippet-${process.pid}.mjs`, import.meta.url);
    await writeFile(file, code);
    return run(process.execPath, [file.pathname], { env });
  },
};

for (const [api, model] of Object.entries(APIS)) {
  for (const [language, execute] of Object.entries(LANGUAGES)) {
    test(`${api} as ${language}`, async () => {
      const page = await open({ permissions: ['clipboard-read', 'clipboard-write'] });
      await page.choose(api);
      await page.model(model);
      await page.page.getByText(language, { exact: true }).click();
      // What needs escapes in a shell and in the languages.
      const text = `It's "quoted", \\escaped, $HOME, \`date\`, 100 % wörld 🌍\nsecond line`;
      await page.field('Message').fill(text);
      await page.field('Max tokens').fill('200');
      if (api !== 'Completions') await page.field('System').fill(`It's a "system" of $HOME\\`);
      // They go to the SDK by another way, and one is null.
      await page.field('Other parameters').fill(`{"top_p": 1, "${api === 'Completions' ? 'suffix' : 'metadata'}": null}`);
      for (const stream of [true, false]) {
        await page.field('Stream the answer').setChecked(stream);
        await page.page.locator('#snippet').getByRole('button', { name: /^Cop/ }).click();
        await page.page.getByRole('button', { name: 'Copied' }).waitFor();
        const code = await page.page.evaluate(() => navigator.clipboard.readText());
        assert.equal(code, await page.text('code'));
        assert.ok(!code.includes(key));
        const { stdout } = await execute(code);
        // Streams have it in pieces.
        for (const word of stream ? ['quoted', 'HOME'] : ['quoted', 'wörld 🌍', 'second line', '100 %', '$HOME', '`date`']) {
          assert.ok(stdout.includes(word), `${word} is not in ${stdout}`);
        }
      }
      await page.close();
    });
  }
}

test('a request with undocumented parameters is one that Python sends', async () => {
  const page = await open();
  await page.page.getByText('Python', { exact: true }).click();
  await page.field('Other parameters').fill('{"made_up": {"a": [true, null, 1.5]}}');
  const code = await page.text('code');
  assert.match(code, /extra_body=\{\n {8}"made_up": \{\n {12}"a": \[\n {16}True,\n {16}None,\n {16}1\.5,/);
  const failed = await LANGUAGES.Python(code).catch((error) => error);
  assert.match(failed.stderr, /made_up/);
  await page.close();
});
