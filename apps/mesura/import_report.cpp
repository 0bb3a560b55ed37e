// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import_report.hpp"

#include "runtime/json.hpp"
#include "runtime/time_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace mesura::app {

void ImportReport::count(const Batch& batch) {
  if (extents_.size() < series_.size()) extents_.resize(series_.size());
  for (const Measurement& m : batch.items) {
    Extent& e = extents_[m.series];
    ++e.count;
    e.first_ns = std::min(e.first_ns, m.time_ns);
    e.last_ns = std::max(e.last_ns, m.time_ns);
    first_ns_ = std::min(first_ns_, m.time_ns);
    last_ns_ = std::max(last_ns_, m.time_ns);
  }
  measurements_ += batch.items.size();
}

std::string ImportReport::as_table(const importing::Problems& problems) const {
  std::string out;
  if (measurements_ > 0) {
    out += fmt::format("{:<48} {:>12}  {:<24}  {}\n", "SERIES", "MEASUREMENTS", "FIRST", "LAST");
    for (std::uint32_t id = 0; id < extents_.size(); ++id)
      if (extents_[id].count > 0)
        out += fmt::format("{:<48} {:>12}  {:<24}  {}\n", series_.at(id).name(), extents_[id].count,
                           runtime::format_time(extents_[id].first_ns), runtime::format_time(extents_[id].last_ns));
  }
  for (const auto& [code, reason] : problems.reasons()) {
    out += fmt::format("{}: {} {}\n", code, reason.count, reason.lost ? "left out" : "to know of");
    for (const auto& sample : reason.samples) out += fmt::format("  {}: {}\n", sample.where, sample.what);
    if (reason.count > reason.samples.size())
      out += fmt::format("  and {} more\n", reason.count - reason.samples.size());
  }
  for (const auto& reason : refusals) out += fmt::format("refused: {}\n", reason);
  for (const auto& warning : warnings) out += fmt::format("warning: {}\n", warning);
  if (dry_run) {
    out += fmt::format("dry run: {} records of {} make {} measurements for {}; nothing was written\n", records, source,
                       measurements_, sink);
  } else {
    out += fmt::format("{} records of {}: {} measurements committed to {}, {} refused by it\n", records, source,
                       committed, sink, refused);
  }
  return out;
}

std::string ImportReport::as_json(const importing::Problems& problems) const {
  std::string out;
  runtime::JsonWriter json{out};
  const auto time = [&](std::int64_t ns) {
    if (measurements_ == 0) {
      json.null();
    } else {
      json.string(runtime::format_time(ns));
    }
  };
  json.begin_object();
  json.key("source").string(source).key("sink").string(sink).key("dry_run").boolean(dry_run);
  json.key("records").unsigned_integer(records).key("measurements").unsigned_integer(measurements_);
  json.key("committed").unsigned_integer(committed).key("refused").unsigned_integer(refused);
  json.key("first");
  time(first_ns_);
  json.key("last");
  time(last_ns_);
  json.key("series").begin_array();
  for (std::uint32_t id = 0; id < extents_.size(); ++id) {
    if (extents_[id].count == 0) continue;
    json.begin_object().key("series").string(series_.at(id).name()).key("unit").string(series_.at(id).unit);
    json.key("measurements").unsigned_integer(extents_[id].count);
    json.key("first").string(runtime::format_time(extents_[id].first_ns));
    json.key("last").string(runtime::format_time(extents_[id].last_ns)).end_object();
  }
  json.end_array();
  json.key("problems").begin_array();
  for (const auto& [code, reason] : problems.reasons()) {
    json.begin_object().key("code").string(code).key("count").unsigned_integer(reason.count);
    json.key("left_out").boolean(reason.lost).key("samples").begin_array();
    for (const auto& sample : reason.samples)
      json.begin_object().key("where").string(sample.where).key("what").string(sample.what).end_object();
    json.end_array().end_object();
  }
  json.end_array();
  json.key("refusals").begin_array();
  for (const auto& reason : refusals) json.string(reason);
  json.end_array();
  json.key("warnings").begin_array();
  for (const auto& warning : warnings) json.string(warning);
  json.end_array();
  json.end_object();
  out += '\n';
  return out;
}

}  // namespace mesura::app
