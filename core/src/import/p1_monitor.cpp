// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "import/p1_monitor.hpp"

#include "import/batches.hpp"

#include <fmt/format.h>

#include <utility>

namespace mesura::importing {
namespace {

constexpr std::int64_t kQuarterNs = 900'000'000'000;

class P1Monitor final : public Importer {
 public:
  P1Monitor(std::unique_ptr<QuarterSource> source, Target& target, Range range, Problems& problems)
      : source_(std::move(source)), target_(target), range_(range), problems_(problems) {
    const auto bind = [&](std::string_view quantity, std::string_view code) {
      std::string error;
      const auto bound = target_.wire("total", quantity, code, {}, &error);
      if (!bound) throw ImportError(fmt::format("imp-series: {}", error));
      return *bound;
    };
    import_ = bind("active_power_import", "1-0:1.7.0");
    export_ = bind("active_power_export", "1-0:2.7.0");
    net_ = bind("active_power", "1-0:1.7.0 - 1-0:2.7.0");
  }

  bool next(std::vector<BatchPtr>& out) override {
    const auto name = source_->next();
    if (!name) return false;
    const std::int64_t start = name->start_ns();
    if (start + kQuarterNs <= range_.from_ns || start >= range_.to_ns) return true;
    ++records_;
    const auto text = source_->read(*name);
    if (!text) return true;
    const QuarterContent content = reader_.read(*text, *name);
    if (!content.error.empty()) {
      const auto colon = content.error.find(": ");
      problems_.lost(content.error.substr(0, colon), name->path(), content.error.substr(colon + 2));
      return true;
    }
    for (const auto& bad : content.bad_values) problems_.lost("p1-value", name->path(), bad);
    for (const Slot& slot : content.slots) add(slot, out);
    return true;
  }
  [[nodiscard]] Position position() const override {
    return {source_->name(), source_->days_done(), source_->days(), "days"};
  }
  [[nodiscard]] std::uint64_t records() const override { return records_; }

 private:
  void add(const Slot& slot, std::vector<BatchPtr>& out) {
    maker_.start(target_.device(), slot.start_ns);
    const auto put = [&](const Target::Bound& bound, double value, std::uint8_t quality) {
      maker_.add(bound.id, bound.factor * value + bound.offset, quality);
    };
    if (slot.consumed_w) put(import_, *slot.consumed_w, MESURA_GOOD);
    if (slot.produced_w) put(export_, 0 - *slot.produced_w, MESURA_GOOD);  // never -0
    if (slot.consumed_w && slot.produced_w) put(net_, *slot.consumed_w + *slot.produced_w, MESURA_DERIVED);
    maker_.finish(out);
  }

  std::unique_ptr<QuarterSource> source_;
  Target& target_;
  Range range_;
  Problems& problems_;
  QuarterReader reader_;
  Target::Bound import_, export_, net_;
  BatchMaker maker_;
  std::uint64_t records_ = 0;
};

}  // namespace

std::unique_ptr<Importer> p1_monitor(std::unique_ptr<QuarterSource> source, Target& target, Range range,
                                     Problems& problems) {
  return std::make_unique<P1Monitor>(std::move(source), target, range, problems);
}

}  // namespace mesura::importing
