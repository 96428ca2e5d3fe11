// node run.mjs ./with_jose.mjs: verifies each line of the input.
import { createInterface } from 'node:readline'

const { verify } = await import(process.argv[2])

for await (const token of createInterface({ input: process.stdin })) {
  try {
    const { sub } = await verify(token)
    console.log(`accepted ${sub}`)
  } catch (error) {
    console.log(`refused ${error.name}: ${error.message.split('\n')[0]}`)
  }
}
