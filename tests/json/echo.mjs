// Answers each line, a JSON text, with the text that JavaScript writes for it. (JavaScript's readline
// would end lines at U+2028, too.)
let rest = '';
process.stdin.setEncoding('utf8');
for await (const part of process.stdin) {
  const lines = (rest + part).split('\n');
  rest = lines.pop();
  for (const line of lines) process.stdout.write(JSON.stringify(JSON.parse(line)) + '\n');
}
