// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "store/render_energy.hpp"

#include <support/catch.hpp>

#include <limits>

using namespace mesura;
using namespace mesura::store;
using test::contains;

namespace {

constexpr std::int64_t kHour = 3'600'000'000'000;
constexpr std::int64_t kDay = 1'792'879'200'000'000'000;  // 2026-10-24T22:00:00Z: the day in Brussels that has 25 hours
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

RenderOptions form(AnswerForm f) {
  RenderOptions options;
  options.form = f;
  options.zone = *model::Zone::find("Europe/Brussels");
  return options;
}

EnergyTrace trace() {
  EnergyTrace t;
  t.series.info.device = "grid";
  t.series.info.channel = "total";
  t.series.info.quantity = "active_energy_import";
  t.series.info.unit = "Wh";
  t.windows.push_back({{kDay, kDay + 25 * kHour}, 12345.678, 0.99966, 1, false});
  t.windows.push_back({{kDay + 25 * kHour, kDay + 49 * kHour}, 1000, 1, 0, true});
  return t;
}

std::string energy(AnswerForm f) {
  std::string out;
  render_energy(out, {trace()}, form(f));
  return out;
}

}  // namespace

TEST_CASE("energies as a table: kWh, local days, what is not whole") {
  CHECK(energy(AnswerForm::table) ==
        "grid/total/active_energy_import  kWh  from the meter's register\n"
        "  FROM                       TO                                 AMOUNT  COMPLETE\n"
        "  2026-10-25 00:00:00+02:00  2026-10-26 00:00:00+01:00          12.346    99.9 %  1 resets\n"
        "  2026-10-26 00:00:00+01:00  2026-10-27 00:00:00+01:00               1     100 %  estimated\n"
        "  SUM                                                           13.346\n");
}

TEST_CASE("energies for programs: base units, UTC") {
  CHECK(
      energy(AnswerForm::csv) ==
      "device,channel,quantity,unit,origin,from,to,amount,completeness,epochs,estimated\r\n"
      "grid,total,active_energy_import,Wh,meter,2026-10-24T22:00:00.000Z,2026-10-25T23:00:00.000Z,12345.678,0.99966,1,"
      "false\r\n"
      "grid,total,active_energy_import,Wh,meter,2026-10-25T23:00:00.000Z,2026-10-26T23:00:00.000Z,1000,1,0,true\r\n");
  CHECK_THAT(
      energy(AnswerForm::json),
      Catch::Matchers::StartsWith("{\"series\":[{\"device\":\"grid\",\"channel\":\"total\"") &&
          contains("{\"from\":\"2026-10-24T22:00:00.000Z\",\"to\":\"2026-10-25T23:00:00.000Z\",\"amount\":12345.678,"
                   "\"completeness\":0.99966,\"epochs\":1,\"estimated\":false}"));
}

TEST_CASE("demand shows what is unknown, running and estimated") {
  DemandQuery query;
  query.device = "grid";
  DemandAnswer answer;
  QuarterDemand q;
  q.start_ns = kDay + 2 * kHour;
  q.average_w = 4321.4;
  q.complete = true;
  q.samples = 900;
  q.min_w = 100;
  q.max_w = 9000;
  answer.quarters.push_back(q);
  answer.quarters.push_back({q.start_ns + kHour / 4, kNan, DemandOrigin::registers, false, false, false, 0, 0, 0});
  answer.quarters.push_back({q.start_ns + kHour, 10, DemandOrigin::power, true, false, true, 3, 1, 20});
  answer.months.push_back({{kDay - 24 * 24 * kHour, kDay + 169 * kHour}, 4321.4, q.start_ns, false, kDay});
  answer.months.push_back({{kDay + 169 * kHour, kDay + 900 * kHour}, kNan, 0, false, 0});
  CapacityYear year;
  year.months = {answer.months.front()};
  year.mean_w = 4321.4;
  year.cost_eur = 172.856;
  std::string out;
  render_demand(out, query, answer, year, form(AnswerForm::table));
  INFO(out);
  CHECK_THAT(out, contains("  2026-10-25 02:00:00+02:00        4321        100       9000  registers\n"));
  CHECK_THAT(out, contains("  2026-10-25 02:15:00+02:00           -          -          -  nothing was heard\n"));
  CHECK_THAT(out,
             contains("  2026-10-25 02:00:00+01:00          10          1         20  power, running, estimated\n"));
  CHECK_THAT(out, contains("  2026-10        4321 W  2026-10-25 02:00:00+02:00  measured since "));
  CHECK_THAT(out, contains("  2026-11           -\n"));
  CHECK_THAT(out, contains("capacity tariff: mean of 1 months 4321 W, 172.86 EUR a year\n"));
  out.clear();
  render_demand(out, query, answer, std::nullopt, form(AnswerForm::json));
  CHECK_THAT(out, contains("{\"start\":\"2026-10-25T00:15:00.000Z\",\"average_w\":null,\"origin\":\"registers\""));
  CHECK_THAT(out, contains("\"months\":[{\"from\":"));
  CHECK_THAT(out, !contains("\"year\""));
  out.clear();
  render_demand(out, query, answer, year, form(AnswerForm::csv));
  CHECK_THAT(out, contains("2026-10-25T00:15:00.000Z,,registers,false,false,false,0,0,0\r\n"));
}
