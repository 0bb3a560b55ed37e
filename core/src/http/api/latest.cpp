// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "http/api/resources.hpp"

#include "config/text.hpp"
#include "http/api/event_id.hpp"
#include "model/measurement_json.hpp"
#include "model/text.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <utility>

namespace mesura::http::api {

namespace {

/// The newest values as text, kept until something new came: many clients ask far more often than meters speak.
class LatestTexts {
 public:
  explicit LatestTexts(std::shared_ptr<Newest> newest) : newest_(std::move(newest)) {}

  Response answer(const Call& call) {
    std::string key = call.arguments.text("format");
    for (const auto& glob : call.arguments.texts("series")) key += '\n' + glob;
    const std::uint64_t version = call.parts.live->newest_id();
    const std::scoped_lock lock{mutex_};
    const auto now = Clock::now();
    auto found = texts_.find(key);
    if (found == texts_.end()) {
      if (texts_.size() >= kMostTexts) texts_.clear();
      found = texts_.emplace(std::move(key), Text{}).first;
    }
    Text& text = found->second;
    // Making a large one may cost at most a fifth of the time: with thousands of series it takes milliseconds.
    const bool affordable = text.cost < kCheap || now - text.end >= 4 * text.cost;
    if (!text.made || (text.version != version && affordable)) {
      try {
        text.body = make(call, version);
      } catch (...) {
        texts_.erase(found);
        throw;
      }
      text.made = true;
      text.version = version;
      text.end = Clock::now();
      text.cost = text.end - now;
    }
    Response response;
    response.content_type = type(call);
    response.body = text.body;
    return response;
  }

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kMostTexts = 64;
  static constexpr std::chrono::microseconds kCheap{200};

  struct Text {
    bool made = false;
    std::uint64_t version = 0;
    Clock::time_point end{};
    Clock::duration cost{};
    std::string body;
  };

  static std::string type(const Call& call) {
    const auto& format = call.arguments.text("format");
    return format == "csv"     ? "text/csv; charset=utf-8"
           : format == "jsonl" ? "application/x-ndjson"
                               : "application/json";
  }

  std::string make(const Call& call, std::uint64_t version) {
    const SeriesTable& table = call.parts.live->series();
    const auto globs = call.arguments.globs("series");
    const auto values = newest_->values();
    const std::string& format = call.arguments.text("format");
    std::string out;
    if (format == "json") {
      out += R"({"last_id":")" + event_id(call.parts.boot, version) + R"(","measurements":[)";
    } else if (format == "csv") {
      out += "device,channel,quantity,unit,time,received,value,quality\r\n";
    }
    Batch batch;
    std::size_t count = 0;
    for (const auto& value : values) {
      const SeriesInfo& info = table.at(value.series);
      if (!matches(globs, info)) continue;
      Measurement m = value.measurement;
      batch.received_ns = value.received_ns;
      batch.texts = value.text;
      m.text_offset = 0;
      m.text_size = static_cast<std::uint16_t>(value.text.size());
      if (format == "json" && count > 0) out += ",\n";
      ++count;
      if (format == "csv")
        row(out, info, batch, m);
      else
        model::append_json(out, info, batch, m);
      if (format == "jsonl") out += '\n';
    }
    if (count == 0) none(table, globs);
    if (format == "json") out += "]}\n";
    return out;
  }

  static void row(std::string& out, const SeriesInfo& info, const Batch& batch, const Measurement& m) {
    for (const std::string* field : {&info.device, &info.channel, &info.quantity, &info.unit}) {
      append_csv_field(out, *field);
      out += ',';
    }
    model::append_utc(out, m.time_ns);
    out += ',';
    model::append_utc(out, batch.received_ns);
    out += ',';
    if (m.type == MESURA_TEXT)
      append_csv_field(out, batch.text(m));
    else
      model::append_number(out, m.number, info.decimals);
    out += ',';
    if (m.quality != MESURA_GOOD) append_csv_field(out, quality_to_string(m.quality));
    out += "\r\n";
  }

  /// Series that exist and have no value yet are an empty answer; others a mistake.
  static void none(const SeriesTable& table, const std::vector<model::Glob>& globs) {
    if (globs.empty()) return;
    for (std::uint32_t id = 0; id < table.size(); ++id)
      if (matches(globs, table.at(id))) return;
    throw Refused{404,
                  {"qry-series", "no series matches", "a series that is measured", config::quote(globs.front().text()),
                   "/api/v1/series lists all"}};
  }

  std::shared_ptr<Newest> newest_;
  std::mutex mutex_;
  std::map<std::string, Text> texts_;
};

}  // namespace

Endpoint latest_endpoint(std::shared_ptr<Newest> newest) {
  Endpoint e;
  e.path = "/api/v1/latest";
  e.summary = "The newest value of every series";
  e.details = "From memory: it costs no database anything. `last_id` is where /api/v1/live goes on from this answer.";
  e.run = Route::Run::front;
  e.parameters = {globs("series", "only these; repeatable"),
                  word("format", {"json", "jsonl", "csv"}, "json", "form of the answer")};
  e.answers = {
      {200,
       "the measurements",
       {"application/json", "application/x-ndjson", "text/csv"},
       R"({"type":"object","required":["last_id","measurements"],"properties":{"last_id":{"type":"string"},"measurements":{"type":"array","items":{"$ref":"#/components/schemas/Measurement"}}}})"}};
  e.errors = {404};
  auto texts = std::make_shared<LatestTexts>(std::move(newest));
  e.handler = [texts](const Call& call) { return texts->answer(call); };
  return e;
}

}  // namespace mesura::http::api
