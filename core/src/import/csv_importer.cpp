// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import/csv_importer.hpp"

#include "import/batches.hpp"
#include "import/wall_clock.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <optional>
#include <utility>

namespace mesura::importing {
namespace {

using Role = CsvColumn::Role;

constexpr std::size_t kPortion = 1000;  // lines of one next()

/// A value that a line gave, with everything but its instant.
struct Item {
  Target* target = nullptr;
  std::uint32_t series = 0;
  double number = 0;
  std::string text;
  bool is_text = false;
  std::uint8_t quality = 0;
};
struct Line {
  std::uint64_t number = 0;
  std::vector<Item> items;
};

std::optional<std::uint8_t> flags_of(std::string_view text) {
  std::uint8_t flags = 0;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view word = text.substr(0, comma);
    bool found = word.empty() || word == "good";
    for (unsigned bit = 0; bit < 8 && !found; ++bit) {
      const auto flag = static_cast<std::uint8_t>(1U << bit);
      if (quality_to_string(flag) != word) continue;
      flags |= flag;
      found = true;
    }
    if (!found) return std::nullopt;
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return flags;
}

bool is_none(const CsvCell& cell) {
  return !cell.quoted && (cell.text.empty() || cell.text == "NULL" || cell.text == "null" || cell.text == "\\N" ||
                          cell.text == "NaN" || cell.text == "nan");
}

std::optional<double> number_of(std::string text, bool decimal_comma) {
  while (!text.empty() && text.front() == ' ') text.erase(0, 1);
  while (!text.empty() && text.back() == ' ') text.pop_back();
  if (text.starts_with('+')) text.erase(0, 1);
  if (const auto comma = text.find(',');
      decimal_comma && comma != std::string::npos && text.find('.') == std::string::npos)
    text[comma] = '.';
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

/// The device's name in that of its file, where odd characters stand as %XX.
std::string unescaped(std::string_view name) {
  std::string out;
  for (std::size_t i = 0; i < name.size(); ++i) {
    unsigned char code = 0;
    const char* const digits = name.data() + i + 1;
    if (name[i] == '%' && i + 2 < name.size() && std::from_chars(digits, digits + 2, code, 16).ptr == digits + 2) {
      out += static_cast<char>(code);
      i += 2;
    } else {
      out += name[i];
    }
  }
  return out;
}

class CsvFiles final : public Importer {
 public:
  CsvFiles(CsvSetup setup, Problems& problems) : setup_(std::move(setup)), problems_(problems) {
    for (const auto& file : setup_.files) {
      std::error_code error;
      const auto size = std::filesystem::file_size(file, error);
      total_ += error ? 0 : size;
    }
  }

  bool next(std::vector<BatchPtr>& out) override {
    if (!reader_ && !open_next()) return false;
    for (std::size_t n = 0; n < kPortion; ++n) {
      if (!reader_->next(cells_)) {
        close(out);
        return at_ < setup_.files.size();
      }
      take(out);
    }
    return true;
  }
  [[nodiscard]] Position position() const override {
    return {reader_ ? name_ : "csv", before_ + (reader_ ? reader_->done() : 0), total_, "B"};
  }
  [[nodiscard]] std::uint64_t records() const override { return records_; }

 private:
  [[nodiscard]] std::string place(std::uint64_t line) const { return fmt::format("{}:{}", name_, line); }

  /// True: a file is open and its header understood.
  bool open_next() {
    while (at_ < setup_.files.size()) {
      const auto& file = setup_.files[at_++];
      name_ = file.filename().string();
      reader_ = std::make_unique<CsvReader>(file, setup_.delimiter);
      part_ = name_.ends_with(".part");
      order_.emplace(setup_.zone);
      series_.clear();
      std::string error;
      device_ = setup_.device.empty() ? device_of_file(file) : setup_.device;
      if (!reader_->next(cells_)) {
        if (reader_->fault().empty()) {
          problems_.note("csv-empty", name_, "the file is empty");
        } else {
          problems_.lost("csv-damaged", name_, reader_->fault());
        }
      } else if (!reader_->bad().empty()) {
        problems_.lost("csv-header", place(reader_->line()), reader_->bad());
      } else if (auto header = read_header(cells_, vocabulary(), setup_.mappings, setup_.time_column, error); !header) {
        problems_.lost("csv-header", place(reader_->line()), error);
      } else {
        header_ = std::move(*header);
        for (const auto& unknown : header_.unknown)
          problems_.lost("csv-column", place(reader_->line()),
                         fmt::format("column '{}' is no series: --map says what it is", unknown));
        bind_columns();
        return true;
      }
      before_ += reader_->size();
      reader_.reset();
    }
    return false;
  }
  /// What the file's own device knows; a device's plugin may add quantities.
  const model::Vocabulary& vocabulary() {
    std::string ignored;
    Target* target = device_.empty() ? nullptr : setup_.target(device_, ignored);
    return target != nullptr ? target->vocabulary() : model::Vocabulary::standard();
  }
  void close(std::vector<BatchPtr>& out) {
    if (!reader_->fault().empty()) problems_.lost("csv-damaged", place(reader_->line()), reader_->fault());
    order_->finish();
    drain(out);
    maker_.finish(out);
    open_ = {nullptr, 0};
    before_ += reader_->size();
    reader_.reset();
  }

  void bind_columns() {
    bound_.assign(header_.columns.size(), {nullptr, 0});
    for (std::size_t i = 0; i < header_.columns.size(); ++i) {
      const CsvColumn& column = header_.columns[i];
      if (column.role != Role::series) continue;
      std::string error;
      const auto item =
          resolve(column.device.empty() ? device_ : column.device, column.channel, column.quantity, {}, error);
      if (item) {
        bound_[i] = *item;
      } else {
        problems_.lost("series", place(reader_->line()), fmt::format("column '{}': {}", column.name, error));
      }
    }
    // A batch is one device's.
    column_order_.clear();
    for (std::size_t i = 0; i < bound_.size(); ++i)
      if (bound_[i].first != nullptr) column_order_.push_back(i);
    std::stable_sort(column_order_.begin(), column_order_.end(), [&](std::size_t a, std::size_t b) {
      return bound_[a].first->device() < bound_[b].first->device();
    });
  }
  using Place = std::pair<Target*, std::uint32_t>;
  std::optional<Place> resolve(const std::string& device, std::string_view channel, std::string_view quantity,
                               std::string_view unit, std::string& error) {
    if (device.empty()) {
      error = "neither the file nor --device says of which device it is";
      return std::nullopt;
    }
    Target* target = setup_.target(device, error);
    if (target == nullptr) return std::nullopt;
    const auto series = target->stored(channel, quantity, unit, &error);
    if (!series) return std::nullopt;
    return Place{target, *series};
  }

  void take(std::vector<BatchPtr>& out) {
    ++records_;
    const std::uint64_t number = reader_->line();
    if (!reader_->bad().empty()) return problems_.lost("csv-record", place(number), reader_->bad());
    if (reader_->unfinished() && (part_ || !reader_->fault().empty()))
      return problems_.lost("csv-torn", place(number), "the file ends inside this line");
    if (cells_.size() != header_.columns.size())
      return problems_.lost("csv-cells", place(number),
                            fmt::format("expected {} cells, got {}", header_.columns.size(), cells_.size()));
    const auto time = setup_.time.parse(cells_[header_.time].text);
    if (!time)
      return problems_.lost("csv-time", place(number),
                            fmt::format("can't read the time '{}'", cells_[header_.time].text));
    Line line;
    line.number = number;
    if (header_.is_long) {
      take_long(line);
    } else {
      take_wide(line);
    }
    if (line.items.empty()) return;
    if (time->wall) {
      order_->push(time->ns, std::move(line));
      drain(out);
    } else {
      emit(line, time->ns, out);
    }
  }

  void take_wide(Line& line) {
    std::map<std::string, std::uint8_t, std::less<>> by_name;
    std::uint8_t all = 0;
    for (std::size_t i = 0; i < cells_.size(); ++i)
      if (header_.columns[i].role == Role::quality && !cells_[i].text.empty())
        read_quality(cells_[i].text, line.number, all, by_name);
    for (const std::size_t i : column_order_) {
      const CsvCell& cell = cells_[i];
      if (is_none(cell)) continue;
      Item item;
      std::tie(item.target, item.series) = bound_[i];
      // That a value is derived is not in a line per instant: it is what the series always is.
      item.quality = static_cast<std::uint8_t>(all | item.target->usual_quality(item.series));
      if (const auto own = by_name.find(header_.columns[i].name); own != by_name.end()) item.quality |= own->second;
      if (value(cell, header_.columns[i].factor, item, line.number, header_.columns[i].name))
        line.items.push_back(std::move(item));
    }
  }
  void read_quality(std::string_view text, std::uint64_t number, std::uint8_t& all,
                    std::map<std::string, std::uint8_t, std::less<>>& by_name) {
    while (!text.empty()) {
      const std::size_t end = std::min(text.find(';'), text.size());
      const std::string_view part = text.substr(0, end);
      const std::size_t equals = part.find('=');
      const auto flags = flags_of(equals == std::string_view::npos ? part : part.substr(equals + 1));
      if (!flags) {
        problems_.note("csv-quality", place(number), fmt::format("'{}' is no quality", part));
      } else if (equals == std::string_view::npos) {
        all |= *flags;
      } else {
        by_name[std::string{part.substr(0, equals)}] = *flags;
      }
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }
  bool value(const CsvCell& cell, double factor, Item& item, std::uint64_t number, std::string_view what) {
    item.is_text = item.target->series().at(item.series).text;
    if (item.is_text) {
      item.text = cell.text;
      return true;
    }
    const auto parsed = number_of(cell.text, reader_->delimiter() != ',');
    if (!parsed) {
      problems_.lost("csv-value", place(number), fmt::format("{}: expected a number, got '{}'", what, cell.text));
      return false;
    }
    item.number = factor == 1 ? *parsed : factor * *parsed;
    return true;
  }

  void take_long(Line& line) {
    std::string_view device = device_, channel, quantity, unit;
    const CsvCell* cell = nullptr;
    std::uint8_t quality = 0;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const std::string& text = cells_[i].text;
      switch (header_.columns[i].role) {
        case Role::device: device = text; break;
        case Role::channel: channel = text; break;
        case Role::quantity: quantity = text; break;
        case Role::unit: unit = text; break;
        case Role::value: cell = &cells_[i]; break;
        case Role::quality:
          if (const auto flags = flags_of(text)) {
            quality = *flags;
          } else {
            problems_.note("csv-quality", place(line.number), fmt::format("'{}' is no quality", text));
          }
          break;
        default: break;
      }
    }
    const std::string key = fmt::format("{}/{}/{}:{}", device, channel, quantity, unit);
    auto known = series_.find(key);
    if (known == series_.end()) {
      std::string error;
      known =
          series_.emplace(key, resolve(std::string{device}, channel, quantity, unit, error).value_or(Place{nullptr, 0}))
              .first;
      refusals_[key] = error;
    }
    if (known->second.first == nullptr) return problems_.lost("series", place(line.number), refusals_[key]);
    if (cell == nullptr || is_none(*cell)) return;
    Item item;
    std::tie(item.target, item.series) = known->second;
    item.quality = quality;
    if (value(*cell, 1, item, line.number, key)) line.items.push_back(std::move(item));
  }

  void drain(std::vector<BatchPtr>& out) {
    WallOrder<Line>::Out row;
    while (order_->take(row)) {
      if (row.skipped) {
        problems_.lost("time-skipped", place(row.row.number),
                       "the clock change of spring skips that time in the file's zone");
        continue;
      }
      if (row.guessed) {
        problems_.note("time-repeated", place(row.row.number),
                       "that hour comes twice and nothing tells which: taken as the first, marked clock_suspect");
        for (Item& item : row.row.items) item.quality |= MESURA_CLOCK_SUSPECT;
      }
      emit(row.row, row.time_ns, out);
    }
  }
  /// Values of one device and instant, of one line or of several in a row, are one batch.
  void emit(const Line& line, std::int64_t time_ns, std::vector<BatchPtr>& out) {
    for (const Item& item : line.items) {
      if (open_ != std::pair{item.target, time_ns}) {
        maker_.finish(out);
        maker_.start(item.target->device(), time_ns);
        open_ = {item.target, time_ns};
      }
      if (item.is_text) {
        maker_.add_text(item.series, item.text, item.quality);
      } else {
        maker_.add(item.series, item.number, item.quality);
      }
    }
  }

  CsvSetup setup_;
  Problems& problems_;
  std::size_t at_ = 0;
  std::uint64_t before_ = 0, total_ = 0, records_ = 0;
  std::unique_ptr<CsvReader> reader_;
  std::string name_, device_;
  bool part_ = false;
  std::vector<CsvCell> cells_;
  CsvHeader header_;
  std::vector<Place> bound_;               // by column
  std::vector<std::size_t> column_order_;  // those of series, by device
  std::map<std::string, Place, std::less<>> series_;
  std::map<std::string, std::string, std::less<>> refusals_;
  std::optional<WallOrder<Line>> order_;
  BatchMaker maker_;
  std::pair<Target*, std::int64_t> open_{nullptr, 0};
};

}  // namespace

std::string device_of_file(const std::filesystem::path& file) {
  // NAME-YYYYMMDD-HHMMSS.csv, with -2 and more behind it at the end of a period.
  const std::string name = file.filename().string();
  const std::size_t dot = name.find(".csv");
  if (dot == std::string::npos) return {};
  const std::string stem = name.substr(0, dot);
  for (std::size_t dash = stem.find('-'); dash != std::string::npos; dash = stem.find('-', dash + 1)) {
    const std::string_view rest = std::string_view{stem}.substr(dash + 1);
    const auto is_digits = [](std::string_view s) {
      return !s.empty() && s.find_first_not_of("0123456789") == std::string_view::npos;
    };
    if (rest.size() < 15 || rest[8] != '-' || !is_digits(rest.substr(0, 8)) || !is_digits(rest.substr(9, 6))) continue;
    if (rest.size() > 15 && (rest[15] != '-' || !is_digits(rest.substr(16)))) continue;
    return unescaped(stem.substr(0, dash));
  }
  return {};
}

std::unique_ptr<Importer> csv_files(CsvSetup setup, Problems& problems) {
  return std::make_unique<CsvFiles>(std::move(setup), problems);
}

}  // namespace mesura::importing
