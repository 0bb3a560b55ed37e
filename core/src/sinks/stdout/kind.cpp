// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/kinds_list.hpp"
#include "sinks/stdout/stdout_sink.hpp"

namespace mesura::sinks {

using config::Value;

Kind stdout_kind() {
  config::Schema schema = config::object(
      {config::optional(
          "timeout", config::duration("without a reader for so long, the write is tried again", "10ms", "1h"), "30s")},
      "JSON lines on Mesura's standard output");
  const auto make = [](const Value& options, const Context& context) -> std::unique_ptr<Sink> {
    standard_output::Options o;
    o.timeout = options["timeout"].duration();
    return std::make_unique<standard_output::StdoutSink>(o, context.series);
  };
  return {"stdout", std::move(schema), make, nullptr, true, true};
}

}  // namespace mesura::sinks
