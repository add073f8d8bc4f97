// The official JavaScript clients of OpenAI, Anthropic and Ollama against the server: node clients.mjs URL MODEL
import assert from 'node:assert';
import OpenAI from 'openai';
import Anthropic from '@anthropic-ai/sdk';
import { Ollama } from 'ollama';

const [url, model] = process.argv.slice(2);
const messages = [{ role: 'user', content: 'Say hello.' }];

const openai = new OpenAI({ baseURL: url + '/v1', apiKey: 'none' });
const whole = await openai.chat.completions.create({ model, messages, max_tokens: 12, temperature: 0 });
let text = '';
for await (const chunk of await openai.chat.completions.create({ model, messages, max_tokens: 12, temperature: 0, stream: true })) {
  text += chunk.choices[0]?.delta?.content ?? '';
}
assert.ok(text.length > 0);
assert.strictEqual(text, whole.choices[0].message.content);
const embedding = await openai.embeddings.create({ model, input: 'one' });
assert.strictEqual(embedding.data[0].embedding.length, 576);
const response = await openai.responses.create({ model, input: 'Hi', max_output_tokens: 8, temperature: 0 });
assert.ok(response.output_text.length > 0);
await assert.rejects(openai.chat.completions.create({ model: 'no-such-model', messages }), { status: 404 });

const anthropic = new Anthropic({ baseURL: url, apiKey: 'none' });
const message = await anthropic.messages.stream({ model, max_tokens: 12, messages, temperature: 0 }).finalMessage();
assert.ok(message.content[0].text.length > 0);
await assert.rejects(anthropic.messages.create({ model: 'no-such-model', max_tokens: 1, messages }), { status: 404 });

const ollama = new Ollama({ host: url });
const answer = await ollama.chat({ model, messages, options: { num_predict: 12, temperature: 0 } });
let told = '';
for await (const part of await ollama.chat({ model, messages, stream: true, options: { num_predict: 12, temperature: 0 } })) {
  told += part.message.content;
}
assert.strictEqual(told, answer.message.content);
assert.ok((await ollama.list()).models.some((one) => one.name === model));

console.log('clients: all right');
