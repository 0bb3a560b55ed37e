// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/render_energy.hpp"

#include "model/text.hpp"
#include "runtime/json.hpp"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <string_view>
#include <utility>

namespace mesura::store {

namespace {

std::string utc(std::int64_t time_ns) {
  std::string out;
  model::append_utc(out, time_ns);
  return out;
}

/// "2026-06-14 14:45:00+02:00": windows begin at whole seconds, mostly.
std::string local(const model::Zone& zone, std::int64_t time_ns) {
  std::string text = zone.format(time_ns);
  if (const auto t = text.find('T'); t != std::string::npos) text[t] = ' ';
  if (const auto dot = text.find(".000"); dot == 19 && text.size() == 29) text.erase(dot, 4);
  return text;
}

std::string rounded(double value, int decimals, std::string_view none) {
  if (!std::isfinite(value)) return std::string{none};
  std::string out;
  model::append_number(out, value, decimals);
  return out;
}

/// A base unit as people read it.
struct Shown {
  std::string unit;
  double factor;
  int decimals;
};
Shown shown(const std::string& unit) {
  if (unit == "Wh" || unit == "varh" || unit == "VAh") return {"k" + unit, 1e-3, 3};
  return {unit, 1, 3};
}

std::string watts(double value) { return rounded(value, 0, "-"); }

std::string origin_text(DemandOrigin origin, const QuarterDemand& quarter) {
  std::string out{to_string(origin)};
  if (quarter.running) out += ", running";
  if (quarter.estimated) out += ", estimated";
  if (!quarter.complete && !quarter.running) out += ", incomplete";
  return out;
}

void energy_json(std::string& out, const std::vector<EnergyTrace>& traces) {
  runtime::JsonWriter json{out};
  json.begin_object().key("series").begin_array();
  for (const EnergyTrace& trace : traces) {
    const SeriesInfo& info = trace.series.info;
    json.begin_object();
    json.key("device").string(info.device).key("channel").string(info.channel);
    json.key("quantity").string(info.quantity).key("unit").string(info.unit);
    json.key("label").string(info.label).key("role").string(info.role);
    json.key("origin").string(to_string(trace.origin));
    json.key("windows").begin_array();
    for (const Growth& g : trace.windows) {
      json.begin_object();
      json.key("from").string(utc(g.window.from_ns)).key("to").string(utc(g.window.to_ns));
      json.key("amount").number(g.amount).key("completeness").number(g.completeness);
      json.key("epochs").unsigned_integer(g.epochs).key("estimated").boolean(g.estimated);
      json.end_object();
    }
    json.end_array().end_object();
  }
  json.end_array().end_object();
  out += '\n';
}

void energy_csv(std::string& out, const std::vector<EnergyTrace>& traces) {
  out += "device,channel,quantity,unit,origin,from,to,amount,completeness,epochs,estimated\r\n";
  for (const EnergyTrace& trace : traces) {
    std::string prefix;
    const SeriesInfo& info = trace.series.info;
    for (const std::string& field : {info.device, info.channel, info.quantity, info.unit}) {
      append_csv_field(prefix, field);
      prefix += ',';
    }
    prefix += to_string(trace.origin);
    for (const Growth& g : trace.windows)
      fmt::format_to(std::back_inserter(out), "{},{},{},{},{},{},{}\r\n", prefix, utc(g.window.from_ns),
                     utc(g.window.to_ns), rounded(g.amount, 6, ""), rounded(g.completeness, 6, ""), g.epochs,
                     g.estimated);
  }
}

void energy_table(std::string& out, const std::vector<EnergyTrace>& traces, const model::Zone& zone) {
  for (const EnergyTrace& trace : traces) {
    const SeriesInfo& info = trace.series.info;
    const Shown unit = shown(info.unit);
    if (&trace != &traces.front()) out += '\n';
    fmt::format_to(std::back_inserter(out), "{}  {}  from {}\n", model::printable(info.name()), unit.unit,
                   trace.origin == EnergyOrigin::meter        ? "the meter's register"
                   : trace.origin == EnergyOrigin::integrated ? "integrated power"
                                                              : "stored power");
    fmt::format_to(std::back_inserter(out), "  {:<26} {:<26} {:>14} {:>9}\n", "FROM", "TO", "AMOUNT", "COMPLETE");
    double sum = 0;
    for (const Growth& g : trace.windows) {
      if (std::isfinite(g.amount)) sum += g.amount;
      fmt::format_to(std::back_inserter(out), "  {:<26} {:<26} {:>14} {:>7} %{}{}\n", local(zone, g.window.from_ns),
                     local(zone, g.window.to_ns), rounded(g.amount * unit.factor, unit.decimals, "-"),
                     // 99.96 % is not complete.
                     rounded(std::floor(g.completeness * 1000) / 10, 1, "-"),
                     g.epochs > 0 ? fmt::format("  {} resets", g.epochs) : "", g.estimated ? "  estimated" : "");
    }
    if (trace.windows.size() > 1)
      fmt::format_to(std::back_inserter(out), "  {:<53} {:>14}\n", "SUM",
                     rounded(sum * unit.factor, unit.decimals, "-"));
    if (trace.windows.empty()) out += "  nothing in this range\n";
  }
}

void month_json(runtime::JsonWriter& json, const MonthPeak& month) {
  json.begin_object();
  json.key("from").string(utc(month.month.from_ns)).key("to").string(utc(month.month.to_ns));
  json.key("average_w").number(month.average_w);
  if (std::isfinite(month.average_w)) {
    json.key("quarter").string(utc(month.quarter_ns));
    json.key("origin").string(month.from_meter ? "meter" : "measured");
    if (!month.from_meter) json.key("since").string(utc(month.since_ns));
  }
  json.end_object();
}

void demand_json(std::string& out, const DemandQuery& query, const DemandAnswer& answer,
                 const std::optional<CapacityYear>& year) {
  runtime::JsonWriter json{out};
  json.begin_object();
  json.key("device").string(query.device).key("channel").string(query.channel);
  json.key("quarters").begin_array();
  for (const QuarterDemand& q : answer.quarters) {
    json.begin_object();
    json.key("start").string(utc(q.start_ns)).key("average_w").number(q.average_w);
    json.key("origin").string(to_string(q.origin)).key("estimated").boolean(q.estimated);
    json.key("complete").boolean(q.complete).key("running").boolean(q.running);
    json.key("samples").unsigned_integer(q.samples).key("min_w").number(q.min_w).key("max_w").number(q.max_w);
    json.end_object();
  }
  json.end_array().key("months").begin_array();
  for (const MonthPeak& month : answer.months) month_json(json, month);
  json.end_array();
  if (year) {
    json.key("year").begin_object().key("months").begin_array();
    for (const MonthPeak& month : year->months) month_json(json, month);
    json.end_array().key("mean_w").number(year->mean_w);
    if (year->cost_eur) json.key("cost_eur").number(*year->cost_eur);
    json.end_object();
  }
  json.end_object();
  out += '\n';
}

void demand_csv(std::string& out, const DemandAnswer& answer) {
  out += "start,average_w,origin,estimated,complete,running,samples,min_w,max_w\r\n";
  for (const QuarterDemand& q : answer.quarters)
    fmt::format_to(std::back_inserter(out), "{},{},{},{},{},{},{},{},{}\r\n", utc(q.start_ns),
                   rounded(q.average_w, 3, ""), to_string(q.origin), q.estimated, q.complete, q.running, q.samples,
                   rounded(q.min_w, 3, ""), rounded(q.max_w, 3, ""));
}

void month_row(std::string& out, const MonthPeak& month, const model::Zone& zone) {
  const std::string name = zone.format(month.month.from_ns).substr(0, 7);
  if (!std::isfinite(month.average_w)) {
    fmt::format_to(std::back_inserter(out), "  {:<8} {:>10}\n", name, "-");
    return;
  }
  fmt::format_to(
      std::back_inserter(out), "  {:<8} {:>10} W  {}  {}\n", name, watts(month.average_w),
      local(zone, month.quarter_ns),
      month.from_meter ? std::string{"by the meter"} : fmt::format("measured since {}", local(zone, month.since_ns)));
}

void demand_table(std::string& out, const DemandQuery& query, const DemandAnswer& answer,
                  const std::optional<CapacityYear>& year, const model::Zone& zone) {
  fmt::format_to(std::back_inserter(out), "{}/{}\n  {:<26} {:>10} {:>10} {:>10}  {}\n", model::printable(query.device),
                 model::printable(query.channel), "QUARTER", "AVERAGE W", "MIN W", "MAX W", "FROM");
  for (const QuarterDemand& q : answer.quarters) {
    const bool known = std::isfinite(q.average_w);
    fmt::format_to(std::back_inserter(out), "  {:<26} {:>10} {:>10} {:>10}  {}\n", local(zone, q.start_ns),
                   watts(q.average_w), q.samples > 0 ? watts(q.min_w) : "-", q.samples > 0 ? watts(q.max_w) : "-",
                   known ? origin_text(q.origin, q) : "nothing was heard");
  }
  if (answer.quarters.empty()) out += "  nothing in this range\n";
  out += "\nhighest quarter hour of each month\n";
  for (const MonthPeak& month : answer.months) month_row(out, month, zone);
  if (!year) return;
  fmt::format_to(std::back_inserter(out), "\ncapacity tariff: mean of {} months {} W", year->months.size(),
                 watts(year->mean_w));
  if (year->cost_eur) fmt::format_to(std::back_inserter(out), ", {:.2f} EUR a year", *year->cost_eur);
  out += '\n';
  for (const MonthPeak& month : year->months) month_row(out, month, zone);
}

}  // namespace

void render_energy(std::string& out, const std::vector<EnergyTrace>& traces, const RenderOptions& options) {
  switch (options.form) {
    case AnswerForm::csv: return energy_csv(out, traces);
    case AnswerForm::table: return energy_table(out, traces, options.zone);
    case AnswerForm::json:
    case AnswerForm::jsonl: break;
  }
  energy_json(out, traces);
}

void render_demand(std::string& out, const DemandQuery& query, const DemandAnswer& answer,
                   const std::optional<CapacityYear>& year, const RenderOptions& options) {
  switch (options.form) {
    case AnswerForm::csv: return demand_csv(out, answer);
    case AnswerForm::table: return demand_table(out, query, answer, year, options.zone);
    case AnswerForm::json:
    case AnswerForm::jsonl: break;
  }
  demand_json(out, query, answer, year);
}

}  // namespace mesura::store
