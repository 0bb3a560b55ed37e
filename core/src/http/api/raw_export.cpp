// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/raw_export.hpp"

#include "http/api/endpoint.hpp"
#include "http/api/texts.hpp"
#include "model/text.hpp"

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>

namespace mesura::http::api {

namespace {

/// The beginning of a line of one series: "grid,total,active_power,W,".
std::string csv_prefix(const SeriesInfo& info) {
  std::string out;
  for (const std::string* field : {&info.device, &info.channel, &info.quantity, &info.unit}) {
    append_csv_field(out, *field);
    out += ',';
  }
  return out;
}

/// {"device":"grid",...,"unit":"W","time":"
std::string json_prefix(const SeriesInfo& info) {
  std::string out;
  runtime::JsonWriter json{out};
  json.begin_object().key("device").string(info.device).key("channel").string(info.channel);
  json.key("quantity").string(info.quantity).key("unit").string(info.unit);
  out += R"(,"time":")";
  return out;
}
constexpr std::size_t kPiece = 256 * 1024;
constexpr std::uint32_t kGone = UINT32_MAX;
}  // namespace

RawExport::RawExport(std::shared_ptr<store::StorePool> pool, const std::vector<store::StoredSeries>& series,
                     store::TimeRange range, Form form)
    : pool_(std::move(pool)), range_(range), form_(form), cursor_ns_(range.from_ns) {
  for (const auto& s : series) {
    const bool joins = !groups_.empty() && !s.stored_as_state && !groups_.back().states &&
                       groups_.back().series.front().info.device == s.info.device;
    if (!joins) groups_.emplace_back().states = s.stored_as_state;
    groups_.back().series.push_back(s);
    groups_.back().prefixes.push_back(form == Form::csv ? csv_prefix(s.info) : json_prefix(s.info));
  }
}

bool RawExport::next(std::string& out) {
  if (!begun_ && form_ == Form::csv) out += "device,channel,quantity,unit,time,value\r\n";
  begun_ = true;
  if (at_ == groups_.size()) return false;
  ask_store(pool_, [&](store::Store& store) {
    const std::size_t enough = out.size() + kPiece;
    while (at_ < groups_.size() && out.size() < enough) read(store.archive(), out);
  });
  return at_ < groups_.size();
}

void RawExport::read(store::Archive& archive, std::string& out) {
  const Group& group = groups_[at_];
  const auto numbers = ids(archive, group);
  const std::size_t enough = out.size() + kPiece;
  bool ended = true;
  std::vector<std::uint32_t> known;
  std::vector<std::size_t> columns;
  for (std::size_t i = 0; i < numbers.size(); ++i)
    if (numbers[i] != kGone) {
      known.push_back(numbers[i]);
      columns.push_back(i);
    }
  if (!known.empty() && group.states) {
    archive.states(known.front(), {cursor_ns_, range_.to_ns}, [&](const store::StatePoint& point) {
      if (point.time_ns < cursor_ns_) return true;  // holds at the beginning, but is not of the range
      append_state(out, group, point);
      cursor_ns_ = point.time_ns + 1;
      ended = out.size() < enough;
      return ended;
    });
  } else if (!known.empty()) {
    std::string time;
    archive.raw(known, {cursor_ns_, range_.to_ns}, [&](const store::RawRow& row) {
      time.clear();
      model::append_utc(time, row.time_ns);
      for (std::size_t i = 0; i < columns.size(); ++i)
        if (!std::isnan(row.values[i])) append_number(out, group, columns[i], time, row.values[i]);
      cursor_ns_ = row.time_ns + 1;
      ended = out.size() < enough;
      return ended;
    });
  }
  if (!ended) return;
  ++at_;
  cursor_ns_ = range_.from_ns;
}

std::vector<std::uint32_t> RawExport::ids(store::Archive& archive, const Group& group) {
  // Another store on loan may number them otherwise.
  std::vector<std::uint32_t> numbers(group.series.size(), kGone);
  const auto& all = archive.series();
  const auto same = [](const SeriesInfo& a, const SeriesInfo& b) {
    return a.device == b.device && a.channel == b.channel && a.quantity == b.quantity && a.unit == b.unit;
  };
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const SeriesInfo& wanted = group.series[i].info;
    if (wanted.id < all.size() && same(all[wanted.id].info, wanted)) {
      numbers[i] = wanted.id;
      continue;
    }
    const auto found = std::find_if(all.begin(), all.end(), [&](const auto& s) { return same(s.info, wanted); });
    if (found != all.end()) numbers[i] = static_cast<std::uint32_t>(found - all.begin());
  }
  return numbers;
}

void RawExport::append_number(std::string& out, const Group& group, std::size_t column, const std::string& time,
                              double value) {
  out += group.prefixes[column];
  out += time;
  if (form_ == Form::csv) {
    out += ',';
    model::append_number(out, value, group.series[column].info.decimals);
    out += "\r\n";
  } else {
    out += R"(","value":)";
    append_value(out, value, group.series[column].info.decimals);
    out += "}\n";
  }
}

void RawExport::append_state(std::string& out, const Group& group, const store::StatePoint& point) {
  const SeriesInfo& info = group.series.front().info;
  std::string time;
  model::append_utc(time, point.time_ns);
  if (!info.text) {
    append_number(out, group, 0, time, point.number);
    return;
  }
  out += group.prefixes.front();
  out += time;
  if (form_ == Form::csv) {
    out += ',';
    append_csv_field(out, point.text);
    out += "\r\n";
  } else {
    out += R"(","text":)";
    runtime::append_json_string(out, point.text);
    out += "}\n";
  }
}

}  // namespace mesura::http::api
