import * as z from "zod/mini";
import { ConfigFile } from "./schema.ts";

/** The JSON Schema of config.yaml as a person writes it, with every default and description: config.schema.json. */
export const configJsonSchema = () =>
  z.toJSONSchema(ConfigFile, {
    io: "input",
    target: "draft-7",
    override: ({ jsonSchema }) => {
      const { example } = jsonSchema;
      if (example === undefined) return;
      delete jsonSchema.example;
      jsonSchema.examples = [example];
    },
  });
