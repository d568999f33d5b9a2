// Holds docs/asyncapi.json to AsyncAPI's own schema: node .ci/asyncapi.js docs/asyncapi.json
const { readFileSync } = require("fs");
const Ajv = require("ajv");
const addFormats = require("ajv-formats");
const { schemas } = require("@asyncapi/specs");

const document = JSON.parse(readFileSync(process.argv[2], "utf8"));
// AsyncAPI's schema brings the meta-schema that it is written in.
const ajv = new Ajv({ strict: false, allErrors: true, logger: false, meta: false, validateSchema: false });
addFormats(ajv);
const isValid = ajv.compile(schemas[document.asyncapi]);
if (!isValid(document)) {
  for (const { instancePath, message } of isValid.errors) console.error(`${instancePath}: ${message}`);
  process.exit(1);
}
console.log(`valid AsyncAPI ${document.asyncapi}, ${Object.keys(document.channels).length} channels`);
