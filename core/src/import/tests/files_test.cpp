// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
//
// Single files: quarters of the P1 monitor by the sheet's examples, headers and records of CSV.
#include "import/csv_header.hpp"
#include "import/csv_importer.hpp"
#include "import/csv_reader.hpp"
#include "import/importer.hpp"
#include "import/quarter_file.hpp"
#include "runtime/time_text.hpp"
#include "support/catch.hpp"
#include "support/temp_dir.hpp"

#include <zlib.h>

#include <fstream>
#include <string>
#include <vector>

using namespace mesura;
using namespace mesura::importing;

namespace {

void write(const std::filesystem::path& file, const std::string& text) {
  std::ofstream{file, std::ios::binary} << text;
}

/// Records as "line: a|b", with <bad> for those that are none.
std::vector<std::string> records(const std::filesystem::path& file, std::string* fault = nullptr) {
  CsvReader reader{file, 0};
  std::vector<std::string> out;
  std::vector<CsvCell> cells;
  while (reader.next(cells)) {
    std::string line = std::to_string(reader.line()) + ":";
    if (!reader.bad().empty()) {
      line += " <bad>";
    } else {
      for (const auto& cell : cells) line += " " + (cell.quoted ? "'" + cell.text + "'" : cell.text);
    }
    out.push_back(line + (reader.unfinished() ? " ..." : ""));
  }
  if (fault != nullptr) *fault = reader.fault();
  return out;
}

}  // namespace

TEST_CASE("names of quarters as in the sheet's table, both clock changes among them") {
  struct Row {
    std::int64_t id;
    const char* path;
    const char* start;
  };
  const auto row = GENERATE(Row{386662721, "2023/12/01/1615W.json", "2023-12-01T15:15:00Z"},
                            Row{386662722, "2023/12/01/1630W.json", "2023-12-01T15:30:00Z"},
                            Row{402785606, "2024/02/05/1730W.json", "2024-02-05T16:30:00Z"},
                            Row{402787401, "2024/02/12/1815W.json", "2024-02-12T17:15:00Z"},
                            Row{402791775, "2024/02/29/2345W.json", "2024-02-29T22:45:00Z"},
                            Row{403112369, "2024/07/01/1215S.json", "2024-07-01T10:15:00Z"},
                            Row{420092555, "2025/10/26/0245S.json", "2025-10-26T00:45:00Z"},
                            Row{420092424, "2025/10/26/0200W.json", "2025-10-26T01:00:00Z"},
                            Row{436411655, "2026/03/29/0145W.json", "2026-03-29T00:45:00Z"},
                            Row{436411788, "2026/03/29/0300S.json", "2026-03-29T01:00:00Z"});
  const auto name = quarter_of_id(row.id);
  REQUIRE(name);
  CHECK(name->path() == row.path);
  CHECK(name->id() == row.id);
  CHECK(runtime::format_time(name->start_ns(), runtime::Precision::seconds) == row.start);
  const std::string path = row.path;
  CHECK(quarter_of_path(path.substr(0, 4), path.substr(5, 2), path.substr(8, 2), path.substr(11)) == name);
}

TEST_CASE("names that are no quarters") {
  for (const std::int64_t id : {std::int64_t{0}, std::int64_t{-1}, std::int64_t{386662656} + 96, std::int64_t{1} << 40})
    CHECK_FALSE(quarter_of_id(id));
  for (const char* file : {"1615.json", "1610W.json", "2460W.json", "1615X.json", "1615W.jso", "16-5W.json"})
    CHECK_FALSE(quarter_of_path("2023", "12", "01", file));
  CHECK_FALSE(quarter_of_path("2023", "02", "30", "1615W.json"));
}

TEST_CASE("what a quarter file says") {
  const QuarterName name{2023, 12, 1, 16, 30, false};
  QuarterReader reader;
  const auto content = reader.read(
      R"({"quarter_id":386662722,"consumed_power_avg":331,"interval_secs":5,"consumed_power_interval_avgs":[652,null,10],"produced_power_interval_avgs":[0,null,-300]})",
      name);
  CHECK(content.error.empty());
  CHECK(content.bad_values.empty());
  REQUIRE(content.slots.size() == 2);
  CHECK(runtime::format_time(content.slots[0].start_ns) == "2023-12-01T15:30:00.000Z");
  CHECK(content.slots[0].consumed_w == 652);
  CHECK(content.slots[0].produced_w == 0);
  CHECK(runtime::format_time(content.slots[1].start_ns) == "2023-12-01T15:30:10.000Z");
  CHECK(content.slots[1].consumed_w == 10);
  CHECK(content.slots[1].produced_w == -300);

  const auto error = [&](const std::string& json) { return reader.read(json, name).error; };
  CHECK(error("{}").empty());
  CHECK_THAT(error(""), mesura::test::contains("p1-json"));
  CHECK_THAT(error(R"({"quarter_id":386662722,"consumed_power_avg":3)"), mesura::test::contains("p1-json"));
  CHECK_THAT(error("[1]"), mesura::test::contains("p1-json"));
  CHECK_THAT(error(R"({"quarter_id":386662721,"interval_secs":5})"),
             mesura::test::contains("expected quarter_id 386662722"));
  CHECK_THAT(error(R"({"quarter_id":386662722,"interval_secs":7})"), mesura::test::contains("p1-fields"));
  CHECK_THAT(error(R"({"interval_secs":5})"), mesura::test::contains("p1-fields"));
  // One bad value costs itself.
  const auto odd = reader.read(
      R"({"quarter_id":386662722,"interval_secs":5,"consumed_power_interval_avgs":[-5,"x",7,true],"produced_power_interval_avgs":[3,-1]})",
      name);
  CHECK(odd.bad_values.size() == 4);
  REQUIRE(odd.slots.size() == 2);
  CHECK(odd.slots[0].produced_w == -1);
  CHECK(odd.slots[1].consumed_w == 7);
  // More slots than a quarter has.
  std::string many = R"({"quarter_id":386662722,"interval_secs":5,"consumed_power_interval_avgs":[0)";
  for (int i = 0; i < 180; ++i) many += ",1";
  const auto long_one = reader.read(many + R"(],"produced_power_interval_avgs":[]})", name);
  CHECK(long_one.slots.size() == 180);
  CHECK(long_one.bad_values.size() == 1);
}

TEST_CASE("records of CSV files of every kind") {
  const mesura::test::TempDir dir;
  const auto file = dir / "a.csv";
  write(file, "a,b\n1,2\n");
  CHECK(records(file) == std::vector<std::string>{"1: a b", "2: 1 2"});
  write(file,
        "\xef\xbb\xbf"
        "a;b\r\n\r\n1,5;2\r\n3;");
  CHECK(records(file) == std::vector<std::string>{"1: a b", "3: 1,5 2", "4: 3  ..."});
  write(file, "a\tb\n\"say \"\"hi\"\"\"\t\"\"\n\"two\nlines\"\tx\n");
  CHECK(records(file) == std::vector<std::string>{"1: a b", "2: 'say \"hi\"' ''", "3: 'two\nlines' x"});
  // A quote that is never closed costs its line, not the file.
  write(file, "a,b\n1,\"2\n3,4\n");
  CHECK(records(file) == std::vector<std::string>{"1: a b", "2: <bad>", "3: 3 4"});
  write(file, "");
  CHECK(records(file).empty());
}

TEST_CASE("compressed files, whole and cut off") {
  const mesura::test::TempDir dir;
  const auto file = dir / "a.csv.gz";
  std::string text = "a,b\n";
  for (int i = 0; i < 50'000; ++i) text += std::to_string(i) + "," + std::to_string(i * 7919 % 10007) + "\n";
  gzFile gz = gzopen(file.c_str(), "wb");
  REQUIRE(gzwrite(gz, text.data(), static_cast<unsigned>(text.size())) == static_cast<int>(text.size()));
  gzclose(gz);
  std::string fault;
  CHECK(records(file, &fault).size() == 50'001);
  CHECK(fault.empty());
  std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
  const auto half = records(file, &fault);
  CHECK(half.size() > 1000);
  CHECK(half.size() < 50'000);
  CHECK_FALSE(fault.empty());
}

TEST_CASE("headers: what columns are") {
  std::string error;
  const auto series = [&](const std::vector<std::string>& names, const std::vector<std::string>& maps = {}) {
    std::vector<CsvCell> cells;
    for (const auto& name : names) cells.push_back({name, false});
    std::vector<CsvMapping> mappings;
    for (const auto& map : maps) {
      auto mapping = parse_mapping(map, error);
      REQUIRE(mapping);
      mappings.push_back(*mapping);
    }
    const auto header = read_header(cells, model::Vocabulary::standard(), mappings, {}, error);
    std::string out = header ? header->is_long ? "long" : "wide" : "none";
    if (!header) return out;
    for (const auto& c : header->columns)
      if (c.role == CsvColumn::Role::series)
        out += " " + (c.device.empty() ? "" : c.device + "/") + c.channel + "/" + c.quantity +
               (c.factor == 1 ? "" : "*" + std::to_string(static_cast<int>(c.factor)));
    for (const auto& name : header->unknown) out += " ?" + name;
    return out;
  };
  CHECK(series({"time", "quality", "l1_active_power_w", "total_message_text", "x"}) ==
        "wide l1/active_power total/message_text ?x");
  CHECK(series({"time", "ac_output_l2_active_power_w", "battery_state_of_charge_pct", "board_temperature_celsius"}) ==
        "wide ac_output_l2/active_power battery/state_of_charge board/temperature");
  CHECK(series({"time", "grid/l1/active_power", "l2/voltage"}) == "wide grid/l1/active_power l2/voltage");
  // As `mesura export` writes them.
  CHECK(series(
            {"time", "grid/l1/active_power (W)", "grid/total/active_energy_import (Wh)", "grid/l1/voltage mean (V)"}) ==
        "wide grid/l1/active_power grid/total/active_energy_import ?grid/l1/voltage mean (V)");
  CHECK(series({"device", "channel", "quantity", "unit", "time", "value"}) == "long");
  CHECK(series({"time", "device", "channel", "quantity", "unit", "value", "quality"}) == "long");
  CHECK(series({"Date", "P (kW)", "U"}, {"P (kW)=total/active_power:kW*-1", "U=l1/voltage"}) ==
        "wide total/active_power*-1000 l1/voltage");
  CHECK(series({"a", "b"}) == "none");
  CHECK_THAT(error, mesura::test::contains("no column is a series"));
  CHECK(series({"a", "b"}, {"c=total/active_power"}) == "none");
  CHECK(series({"a", "b"}, {"b=total/nonsense"}) == "none");
  CHECK(series({"a", "b"}, {"b=total/active_power:V"}) == "none");
  for (const char* bad : {"", "=a/b", "a", "a=b", "a=b/c/d/e", "a=b/c*x", "a=b/c*0", "a=/c"})
    CHECK_FALSE(parse_mapping(bad, error));
  CHECK(device_of_file("x/grid-20260614-120000.csv.gz") == "grid");
  CHECK(device_of_file("my-grid-20260614-120000-2.csv") == "my-grid");
  CHECK(device_of_file("heat%20pump%-20260614-120000.csv.part") == "heat pump%");
  CHECK(device_of_file("grid.csv").empty());
}
