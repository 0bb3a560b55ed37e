// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/exec/exec_sink.hpp"
#include "sinks/kinds_list.hpp"

namespace mesura::sinks {

using config::Type;
using config::Value;

Kind exec_kind() {
  config::Schema command = config::list(
      config::text("the program, then its arguments"),
      "the program and its arguments, as they are: no shell reads them; looked up in PATH if it has no '/'");
  command.min = 1;
  command.noun = "argument";
  config::Schema schema = config::object(
      {config::required("command", std::move(command)),
       config::optional("directory", config::of(Type::path, "where it starts; else Mesura's working directory")),
       config::optional("environment", config::map(config::secret("its value"), "variables added to Mesura's own"),
                        "{}"),
       config::optional("acknowledge",
                        config::enumeration({"lines", "none"},
                                            "lines: the program prints how many lines it has dealt with; none: what "
                                            "the pipe has taken counts as stored"),
                        "lines"),
       config::optional("timeout",
                        config::duration("without progress for so long, it is killed and started anew", "10ms", "1h"),
                        "30s")},
      "JSON lines to the stdin of a program, which says how many it has dealt with");
  const auto make = [](const Value& options, const Context& context) -> std::unique_ptr<Sink> {
    exec::Options o;
    for (const Value& argument : options["command"].list()) o.command.argv.push_back(argument.text());
    if (const Value& directory = options["directory"]) o.command.directory = directory.text();
    for (const auto& [name, value] : options["environment"].map())
      o.command.environment.emplace_back(name, value.text());
    o.acknowledged = options["acknowledge"].text() == "lines";
    o.timeout = options["timeout"].duration();
    return std::make_unique<exec::ExecSink>(std::move(o), context.series, context.log);
  };
  return {"exec", std::move(schema), make, nullptr, true, true};
}

}  // namespace mesura::sinks
