// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// The generated JSON Schema as an editor sees it: a validator that is not ours, over the same files as the goldens.
#include "config/json_schema.hpp"

#include "config/configuration.hpp"
#include "fake_catalog.hpp"

#include "support/catch.hpp"

#include <yaml-cpp/yaml.h>
#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include <filesystem>
#include <set>
#include <string>

using namespace mesura::config;
using nlohmann::json;
namespace fs = std::filesystem;

namespace {

/// A plain scalar as YAML 1.2's core schema types it, which is what editors do.
json scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!" || node.Tag() == "!secret") return text;
  if (text == "true" || text == "false") return text == "true";
  const json parsed = json::parse(text, nullptr, false);
  return parsed.is_number() ? parsed : json(text);
}

json to_json(const YAML::Node& node) {
  if (node.IsScalar()) return scalar(node);
  if (node.IsSequence()) {
    json out = json::array();
    for (const auto& item : node) out.push_back(to_json(item));
    return out;
  }
  if (!node.IsMap()) return nullptr;
  json out = json::object();
  for (const auto& pair : node) out[pair.first.Scalar()] = to_json(pair.second);
  return out;
}

const json& generated() {
  static const json kSchema = json::parse(
      json_schema(configuration_schema(fake::catalog()), "Mesura", "https://example.org/mesura.schema.json"));
  return kSchema;
}

bool accepts(const fs::path& file) {
  static const valijson::Schema* kSchema = [] {
    auto* schema = new valijson::Schema;
    valijson::SchemaParser parser(valijson::SchemaParser::kDraft7);
    valijson::adapters::NlohmannJsonAdapter adapter(generated());
    parser.populateSchema(adapter, *schema);
    return schema;
  }();
  const json document = to_json(YAML::LoadFile(file.string()));
  valijson::Validator validator;
  valijson::adapters::NlohmannJsonAdapter adapter(document);
  return validator.validate(*kSchema, adapter, nullptr);
}

fs::path in(const std::string& name) { return fs::path(MESURA_CONFIG_TESTS) / "golden" / (name + ".yaml"); }

}  // namespace

TEST_CASE("the schema accepts what the reader accepts") {
  for (const auto& entry : fs::directory_iterator(fs::path(MESURA_CONFIG_TESTS) / "golden/good")) {
    const fs::path& path = entry.path();
    if (path.extension() != ".yaml" || path.filename() == "secrets.yaml") continue;
    INFO(path.filename().string());
    CHECK(accepts(path));
  }
  // That nothing is configured is for the reader to say.
  CHECK(accepts(in("nothing_configured")));
}

TEST_CASE("the schema rejects what is wrong in shape") {
  for (const char* name :
       {"unknown_keys", "units", "types", "empty_values", "missing_keys", "one_of", "names", "links", "nine_mistakes",
        "crlf", "byte_order_mark", "columns_count_characters", "references", "not_a_map", "network"}) {
    INFO(name);
    REQUIRE(fs::exists(in(name)));
    CHECK_FALSE(accepts(in(name)));
  }
}

TEST_CASE("the schema teaches: descriptions, defaults, choices") {
  const json& s = generated();
  CHECK(s["$schema"] == "http://json-schema.org/draft-07/schema#");
  CHECK(s["$id"] == "https://example.org/mesura.schema.json");
  CHECK(s["title"] == "Mesura");
  CHECK(s["additionalProperties"] == false);
  CHECK(s["properties"]["timezone"]["default"] == "UTC");
  CHECK(s["properties"]["log"]["properties"]["keep"]["default"] == 5);
  const json& device = s["properties"]["devices"]["additionalProperties"];
  CHECK(device["properties"]["plugin"]["anyOf"][0]["enum"] == json({"meter", "duo", "units"}));
  REQUIRE(device["allOf"].size() == 3);
  CHECK(device["allOf"][0]["if"]["properties"]["plugin"]["const"] == "meter");
  const json& meter = device["allOf"][0]["then"];
  CHECK(meter["required"] == json({"plugin", "transport"}));
  CHECK(meter["properties"]["options"]["properties"]["retries"]["description"] == "tries");
  CHECK(meter["properties"]["options"]["properties"]["enabled_registers"]["default"] == true);
  CHECK(meter["properties"]["options"]["properties"]["factor"]["description"] == "scale [W]");
  CHECK(meter["properties"]["stale_after"]["default"] == "20s");
  CHECK(meter["properties"]["transport"]["properties"]["serial"]["properties"]["baud"]["default"] == 9600);
  CHECK_FALSE(meter["properties"]["transport"]["properties"].contains("hid"));
  CHECK(device["allOf"][1]["then"]["properties"].contains("links"));
}

TEST_CASE("the text is the same each time, indented, in the order of the schema") {
  const Schema schema = object(
      {required("b", integer("a \"b\"", 1, 5)), optional("a", list(of(Type::name, ""), "names", true), "[]")}, "top");
  const std::string text = json_schema(schema, "T", "urn:t");
  CHECK(text == json_schema(schema, "T", "urn:t"));
  CHECK(text == R"J({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "$id": "urn:t",
  "title": "T",
  "type": "object",
  "properties": {
    "b": {
      "description": "a \"b\"",
      "anyOf": [
        {
          "type": "integer",
          "minimum": 1,
          "maximum": 5
        },
        {
          "type": "string",
          "pattern": "\\$\\{"
        }
      ]
    },
    "a": {
      "description": "names",
      "anyOf": [
        {
          "type": "string",
          "pattern": "^[a-z][a-z0-9_]{0,63}$|\\$\\{"
        },
        {
          "type": "array",
          "items": {
            "type": "string",
            "pattern": "^[a-z][a-z0-9_]{0,63}$|\\$\\{"
          }
        }
      ]
    }
  },
  "required": [
    "b"
  ],
  "additionalProperties": false
}
)J");
}
