// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "command/candidates.hpp"

#include <support/catch.hpp>

using namespace mesura;

namespace {

std::vector<std::string> texts(const config::PluginSchema& schema, const std::vector<std::string>& words) {
  std::vector<std::string> texts;
  for (const auto& candidate : command::candidates(schema, words)) texts.push_back(candidate.text);
  return texts;
}

}  // namespace

TEST_CASE("what may stand next on a command line") {
  config::PluginSchema schema;
  schema.commands.push_back({"mode", "the mode", {}, config::Danger::read});
  schema.commands.push_back(
      {"set_priority",
       "who comes first",
       {config::required("priority", config::enumeration({"solar", "sbu"}, "who")),
        config::optional("unit", config::integer("which")), config::optional("now", config::boolean("at once"))}});
  using Words = std::vector<std::string>;
  CHECK(texts(schema, {}) == Words{"mode", "set_priority"});
  CHECK(texts(schema, {"mode"}).empty());
  CHECK(texts(schema, {"nonsense"}).empty());
  CHECK(texts(schema, {"set-priority"}) == Words{"solar", "sbu", "--priority", "--unit", "--now"});
  CHECK(texts(schema, {"set_priority", "solar"}) == Words{"--unit", "--now"});
  CHECK(texts(schema, {"set_priority", "--priority"}) == Words{"solar", "sbu"});
  CHECK(texts(schema, {"set_priority", "--now", "unit=3"}) == Words{"solar", "sbu", "--priority"});
  CHECK(texts(schema, {"set_priority", "--unit", "3", "sbu"}) == Words{"--now"});
}
