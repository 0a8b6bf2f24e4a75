// Runs a task with the Claude Agent SDK and prints the result:
//
//     node agent-sdk.mjs node_modules MODEL TASK

import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const [packages, model, prompt] = process.argv.slice(2);
const name = '@anthropic-ai/claude-agent-sdk';
const entry = createRequire(resolve(packages, 'agent.js')).resolve(name);
const { query } = await import(pathToFileURL(entry));
const options = { model, permissionMode: 'acceptEdits', settingSources: [] };
for await (const message of query({ prompt, options })) {
  if (message.type !== 'result') continue;
  console.log(message.result ?? JSON.stringify(message.errors));
  if (message.is_error) process.exitCode = 1;
}
