// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/render.hpp"

#include "config/units.hpp"
#include "model/text.hpp"
#include "store/json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <iterator>
#include <span>

namespace mesura::store {

namespace {

constexpr std::array<std::string_view, 6> kAggregates{"minmax", "mean", "last", "min", "max", "all"};
constexpr std::array<std::string_view, 4> kForms{"table", "csv", "json", "jsonl"};
constexpr std::size_t kPiece = 64 * 1024;
/// So long after a single measurement the row stands that shows that a gap follows.
constexpr std::int64_t kAfter = 1'000'000;

template <class Enum, std::size_t N>
std::optional<Enum> find_word(const std::array<std::string_view, N>& words, std::string_view word) {
  const auto at = std::find(words.begin(), words.end(), word);
  if (at == words.end()) return std::nullopt;
  return static_cast<Enum>(at - words.begin());
}

enum class Column : std::uint8_t { value, min, max, mean, last, count };

std::string_view name_of(Column column) {
  static constexpr std::array<std::string_view, 6> kNames{"value", "min", "max", "mean", "last", "count"};
  return kNames[static_cast<std::size_t>(column)];
}

std::span<const Column> columns_of(Aggregate aggregate) {
  static constexpr std::array kMinMax{Column::min, Column::max};
  static constexpr std::array kAll{Column::min, Column::max, Column::mean, Column::last, Column::count};
  static constexpr std::array kValue{Column::value};
  switch (aggregate) {
    case Aggregate::minmax: return kMinMax;
    case Aggregate::all: return kAll;
    default: return kValue;
  }
}

bool is_thinned(const Trace& trace) { return trace.window.count() != 0; }
std::span<const Column> columns_of(const Trace& trace, Aggregate aggregate) {
  return columns_of(is_thinned(trace) ? aggregate : Aggregate::last);
}

/// A mean has digits of its own.
constexpr int kMoreOfMeans = 3;

class Renderer {
 public:
  Renderer(TimeRange range, const RenderOptions& options, const Write& write)
      : range_(range), options_(options), write_(write) {}

  bool run(const std::vector<Trace>& traces) {
    switch (options_.form) {
      case AnswerForm::json: json(traces); break;
      case AnswerForm::jsonl: lines(traces); break;
      case AnswerForm::csv: csv(traces); break;
      case AnswerForm::table: table(traces); break;
    }
    flush(0);
    return good_;
  }

 private:
  bool flush(std::size_t at_least = kPiece) {
    if (good_ && !out_.empty() && out_.size() >= at_least) {
      good_ = write_(out_);
      out_.clear();
    }
    return good_;
  }

  void number(double value, int decimals, std::string_view none) {
    if (std::isfinite(value))
      model::append_number(out_, value, decimals);
    else
      out_ += none;
  }

  void cell(const Trace& trace, const Point& p, Column column, std::string_view none) {
    const int decimals = trace.series.info.decimals;
    const bool is_register = trace.series.info.kind == Kind::reg;
    const int of_mean = is_register || !is_thinned(trace) ? decimals : std::min(9, decimals + kMoreOfMeans);
    switch (column) {
      case Column::min: number(p.min, decimals, none); return;
      case Column::max: number(p.max, decimals, none); return;
      case Column::mean: number(p.mean, of_mean, none); return;
      case Column::last: number(p.last, decimals, none); return;
      case Column::count: fmt::format_to(std::back_inserter(out_), "{}", p.count); return;
      case Column::value: break;
    }
    if (!is_thinned(trace) || options_.aggregate == Aggregate::last)
      number(p.last, decimals, none);
    else if (options_.aggregate == Aggregate::mean)
      number(p.mean, of_mean, none);
    else
      number(options_.aggregate == Aggregate::max ? p.max : p.min, decimals, none);
  }

  /// Calls point() for each point and gap() for the place of each gap, by time.
  template <class OnPoint, class OnGap>
  void walk(const Trace& trace, OnPoint&& point, OnGap&& gap) {
    std::size_t g = 0;
    std::int64_t past = INT64_MIN;  // where the last point ends
    const auto gaps_before = [&](std::int64_t time_ns) {
      for (; g < trace.gaps.size() && trace.gaps[g].from_ns < time_ns; ++g) {
        const TimeRange place{std::max(trace.gaps[g].from_ns, past), std::min(trace.gaps[g].to_ns, time_ns)};
        if (place.from_ns < place.to_ns) gap(place);
      }
    };
    for (const Point& p : trace.points) {
      gaps_before(p.time_ns);
      point(p);
      past = p.time_ns + (is_thinned(trace) ? trace.window.count() : kAfter);
      if (!flush()) return;
    }
    gaps_before(INT64_MAX);
  }

  void json_time(std::int64_t time_ns) {
    out_ += '"';
    model::append_utc(out_, time_ns);
    out_ += '"';
  }
  void json_member(std::string_view name, std::string_view text) {
    fmt::format_to(std::back_inserter(out_), "\"{}\":", name);
    model::append_json_string(out_, text);
  }
  void json_series(const SeriesInfo& info) {
    json_member("device", info.device);
    out_ += ',';
    json_member("channel", info.channel);
    out_ += ',';
    json_member("quantity", info.quantity);
    out_ += ',';
    json_member("unit", info.unit);
  }
  void json_state(const Trace& trace, const StatePoint& s) {
    if (trace.series.info.text)
      model::append_json_string(out_, s.text);
    else
      number(s.number, trace.series.info.decimals, "null");
  }

  void json(const std::vector<Trace>& traces) {
    out_ += "{\"from\":";
    json_time(range_.from_ns);
    out_ += ",\"to\":";
    json_time(range_.to_ns);
    out_ += ',';
    json_member("zone", options_.zone.name());
    out_ += ",\"series\":[";
    std::vector<std::string_view> columns;
    for (const Column c : columns_of(options_.aggregate))
      columns.push_back(c == Column::value ? to_string(options_.aggregate) : name_of(c));
    const char* comma = "";
    for (const Trace& trace : traces) {
      out_ += std::exchange(comma, ",\n");
      append_trace(out_, trace, columns);
      if (!flush()) return;
    }
    out_ += "]}\n";
  }

  void lines(const std::vector<Trace>& traces) {
    for (const Trace& trace : traces) {
      const auto columns = columns_of(trace, options_.aggregate);
      const auto begin = [&](std::int64_t time_ns) {
        out_ += '{';
        json_series(trace.series.info);
        out_ += ",\"time\":";
        json_time(time_ns);
      };
      for (const StatePoint& s : trace.states) {
        begin(s.time_ns);
        out_ += trace.series.info.text ? ",\"text\":" : ",\"value\":";
        json_state(trace, s);
        out_ += "}\n";
        if (!flush()) return;
      }
      walk(
          trace,
          [&](const Point& p) {
            begin(p.time_ns);
            for (const Column c : columns) {
              fmt::format_to(std::back_inserter(out_), ",\"{}\":", name_of(c));
              cell(trace, p, c, "null");
            }
            out_ += "}\n";
          },
          [&](TimeRange gap) {
            begin(gap.from_ns);
            for (const Column c : columns) fmt::format_to(std::back_inserter(out_), ",\"{}\":null", name_of(c));
            out_ += "}\n";
          });
      if (!good_) return;
    }
  }

  void csv(const std::vector<Trace>& traces) {
    const bool thinned = std::any_of(traces.begin(), traces.end(), is_thinned);
    const bool texts = std::any_of(traces.begin(), traces.end(), [](const Trace& t) { return t.series.info.text; });
    const auto columns = columns_of(thinned ? options_.aggregate : Aggregate::last);
    out_ += "device,channel,quantity,unit,time";
    for (const Column c : columns) fmt::format_to(std::back_inserter(out_), ",{}", name_of(c));
    out_ += texts ? ",text\r\n" : "\r\n";
    for (const Trace& trace : traces) {
      const SeriesInfo& info = trace.series.info;
      std::string prefix;
      for (const std::string& field : {info.device, info.channel, info.quantity, info.unit}) {
        append_csv_field(prefix, field);
        prefix += ',';
      }
      const auto begin = [&](std::int64_t time_ns) {
        out_ += prefix;
        model::append_utc(out_, time_ns);
      };
      for (const StatePoint& s : trace.states) {
        begin(s.time_ns);
        for (const Column c : columns) {
          out_ += ',';
          if (info.text) continue;
          if (c == Column::count)
            out_ += '1';
          else
            number(s.number, info.decimals, "");
        }
        if (texts) out_ += ',';
        if (info.text) append_csv_field(out_, s.text);
        out_ += "\r\n";
        if (!flush()) return;
      }
      walk(
          trace,
          [&](const Point& p) {
            begin(p.time_ns);
            for (const Column c : columns) {
              out_ += ',';
              cell(trace, p, c, "");
            }
            out_ += texts ? ",\r\n" : "\r\n";
          },
          [&](TimeRange gap) {
            begin(gap.from_ns);
            out_.append(columns.size() + (texts ? 1 : 0), ',');
            out_ += "\r\n";
          });
      if (!good_) return;
    }
  }

  [[nodiscard]] std::string local(std::int64_t time_ns) const {
    std::string text = options_.zone.format(time_ns);
    if (const auto t = text.find('T'); t != std::string::npos) text[t] = ' ';
    return text;
  }

  void table(const std::vector<Trace>& traces) {
    const auto append = [&](fmt::string_view format, const auto&... values) {
      fmt::vformat_to(std::back_inserter(out_), format, fmt::make_format_args(values...));
    };
    for (const Trace& trace : traces) {
      const SeriesInfo& info = trace.series.info;
      if (&trace != &traces.front()) out_ += '\n';
      append("{}", model::printable(info.name()));
      if (!info.label.empty()) append("  \"{}\"", model::printable(info.label));
      append("  {}", info.unit);
      if (trace.series.stored_as_state)
        out_ += "  changes";
      else if (is_thinned(trace))
        append("  windows of {} from {} rows", config::print_duration(trace.window), to_string(trace.resolution));
      out_ += '\n';
      for (const StatePoint& s : trace.states) {
        append("  {:<30}  ", local(s.time_ns));
        if (info.text)
          out_ += model::printable(s.text);
        else
          number(s.number, info.decimals, "-");
        out_ += '\n';
        if (!flush()) return;
      }
      const auto columns = columns_of(trace, options_.aggregate);
      if (!trace.points.empty()) {
        append("  {:<30}", "TIME");
        for (const Column c : columns) {
          std::string title{name_of(c)};
          std::transform(title.begin(), title.end(), title.begin(),
                         [](char ch) { return ch >= 'a' && ch <= 'z' ? static_cast<char>(ch - 'a' + 'A') : ch; });
          append(" {:>14}", title);
        }
        out_ += '\n';
      }
      walk(
          trace,
          [&](const Point& p) {
            append("  {:<30}", local(p.time_ns));
            for (const Column c : columns) {
              const std::size_t at = out_.size();
              cell(trace, p, c, "-");
              const std::string text = out_.substr(at);
              out_.resize(at);
              append(" {:>14}", text);
            }
            out_ += '\n';
          },
          [&](TimeRange gap) {
            append("  {:<30} {:>14}", local(gap.from_ns), "-");
            append("  nothing for {}", config::print_duration(std::chrono::nanoseconds{gap.to_ns - gap.from_ns} /
                                                              1'000'000'000 * 1'000'000'000));
            out_ += '\n';
          });
      if (trace.points.empty() && trace.states.empty()) out_ += "  nothing in this range\n";
      if (!good_) return;
    }
  }

  TimeRange range_;
  const RenderOptions& options_;
  const Write& write_;
  std::string out_;
  bool good_ = true;
};

}  // namespace

std::string_view to_string(Aggregate aggregate) { return kAggregates[static_cast<std::size_t>(aggregate)]; }
std::optional<Aggregate> aggregate_from(std::string_view word) { return find_word<Aggregate>(kAggregates, word); }
std::optional<AnswerForm> answer_form_from(std::string_view word) { return find_word<AnswerForm>(kForms, word); }

void append_csv_field(std::string& out, std::string_view text) {
  const std::string clean = model::printable(text);
  if (clean.find_first_of(",\"") == std::string::npos) {
    out += clean;
    return;
  }
  out += '"';
  for (const char c : clean) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
}

bool render(const std::vector<Trace>& traces, TimeRange range, const RenderOptions& options, const Write& write) {
  return Renderer{range, options, write}.run(traces);
}

}  // namespace mesura::store
