// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "sinks/kinds_list.hpp"
#include "sinks/recording/recording_sink.hpp"

namespace mesura::sinks {

using config::Type;
using config::Value;

Kind recording_kind() {
  config::Schema schema = config::object(
      {config::optional("path", config::of(Type::path, "the directory of the files; made if it does not exist"),
                        "recording"),
       config::optional("every",
                        config::duration("a new file where the device's clock, UTC, passes a multiple of this; "
                                         "0s: never; default 1h, or never if `rows` is given")),
       config::optional("rows", config::integer("a new file after so many rows, lost ones counted", 1)),
       config::optional(
           "gaps",
           config::enumeration({"none", "nan", "zero"},
                               "what stands in the place of lost rows; none: the next row follows, and the "
                               "file's description tells where"),
           "none"),
       config::optional("format",
                        config::enumeration({"plain", "mkv"},
                                            "plain: float32 rows as they come; mkv: lossless WavPack in Matroska, "
                                            "which needs the package mesura-matroska"),
                        "plain"),
       config::optional("streams",
                        config::enumeration({"single", "per_line"},
                                            "of mkv: one audio stream of all channels, or one per line (v and i)"),
                        "single"),
       config::optional("compression", config::integer("of mkv: 0 is the fastest, 8 makes the smallest files", 0, 8),
                        "0"),
       config::optional("verify",
                        config::of(Type::boolean,
                                   "of mkv: read each frame back before it counts; without it, libav "
                                   "loses up to a frame of a channel pair now and then, where a signal "
                                   "has impulses"),
                        "true")},
      "waveforms as files, a directory per device");
  const auto make = [](const Value& options, const Context& context) -> std::unique_ptr<Sink> {
    recording::Options o;
    o.directory = options["path"].text();
    if (const Value& rows = options["rows"]) o.cuts.rows = static_cast<std::uint64_t>(rows.integer());
    if (const Value& every = options["every"]) {
      o.cuts.every_ns = every.duration().count();
    } else if (o.cuts.rows == 0) {
      o.cuts.every_ns = std::chrono::nanoseconds{std::chrono::hours{1}}.count();
    }
    const std::string gaps{options["gaps"].text()};
    o.fill = gaps == "nan" ? recording::Fill::nan : gaps == "zero" ? recording::Fill::zero : recording::Fill::none;
    o.form = options["format"].text() == "mkv" ? recording::Form::matroska : recording::Form::plain;
    o.streams = options["streams"].text() == "per_line" ? recording::Streams::per_line : recording::Streams::single;
    o.compression.level = static_cast<int>(options["compression"].integer());
    o.compression.verify = options["verify"].boolean();
    return std::make_unique<recording::RecordingSink>(std::move(o), context.log);
  };
  return {"recording", std::move(schema), make, nullptr, false, true};
}

}  // namespace mesura::sinks
