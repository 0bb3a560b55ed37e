// Copyright 2026 the Mesura authors
// SPDX-License-Identifier: Apache-2.0
#include "config/yaml_document.hpp"

#include "config/text.hpp"
#include "config/units.hpp"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <sstream>
#include <utility>

namespace mesura::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

Diagnostic error(const std::string& file, Mark mark, std::string code, std::string message, std::string hint) {
  Diagnostic d;
  d.code = std::move(code);
  d.file = file;
  d.mark = mark;
  d.message = std::move(message);
  d.hint = std::move(hint);
  return d;
}

struct Known {
  std::string_view message;  ///< yaml-cpp's
  std::string_view hint;
};

// yaml-cpp speaks of its own state; these say what people did.
constexpr Known kKnown[] = {
    {"illegal map value", "a ':' inside an unquoted text, or a line indented differently from its neighbours"},
    {"end of map not found", "check the indentation and the quotes of this line and the one before"},
    {"end of map flow not found", "a '{' is never closed"},
    {"end of sequence flow not found", "a '[' is never closed"},
    {"end of sequence not found", "check the indentation of this line and the one before"},
    {"unknown token", "a text that begins with @, % or ` needs quotes"},
    {"unknown escape character", "write the text in '...' instead of \"...\", or \\\\ for a backslash"},
    {"the referenced anchor is not defined", "a text that begins with * needs quotes"},
    {"illegal document indicator in scalar", "a quote before this line is never closed"},
};

std::string hint_for(std::string_view message) {
  for (const auto& known : kKnown)
    if (known.message == message) return std::string(known.hint);
  return {};
}

/// The deepest node of those that end last in the text.
YAML::Node last_node(const YAML::Node& root) {
  YAML::Node node(root);
  for (;;) {
    YAML::Node next;
    if (node.IsSequence() && node.size() > 0) {
      next.reset(node[node.size() - 1]);
    } else if (node.IsMap()) {
      // Iterated, for a look-up by key is linear and needs the key.
      for (const auto& pair : node) next.reset(pair.second.IsNull() ? pair.first : pair.second);
    }
    // An alias' mark lies before its parent's: what it names ends elsewhere.
    if (!next.IsDefined() || next.IsNull() || next.Mark().pos < node.Mark().pos || next.is(node)) return node;
    node.reset(next);
  }
}

/// Sees a document go by, keeps only where it began.
class Passer final : public YAML::EventHandler {
 public:
  [[nodiscard]] const YAML::Mark& begin() const { return begin_; }

  void OnDocumentStart(const YAML::Mark& mark) override { begin_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
  void OnScalar(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                const std::string& /*value*/) override {}
  void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {}
  void OnMapEnd() override {}

 private:
  YAML::Mark begin_;
};

/// Where a second document begins. Not by YAML::LoadAll: a text such as ", a" is to it an endless row of empty
/// documents.
std::optional<YAML::Mark> second_document(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Passer passer;
  if (!parser.HandleNextDocument(passer) || !parser.HandleNextDocument(passer)) return {};
  return passer.begin();
}

}  // namespace

YamlDocument::YamlDocument(std::string text) : text_(std::move(text)), lines_{0} {
  for (std::size_t i = 0; i < text_.size(); ++i)
    if (text_[i] == '\n') lines_.push_back(i + 1);
  const std::string_view view = text_;
  std::size_t count = 0;
  for (std::size_t i = 0; i <= view.size(); i += kStride) {
    characters_.push_back(count);
    count += count_characters(view.substr(i, kStride));
  }
}

std::size_t YamlDocument::characters_before(std::size_t offset) const {
  const std::size_t step = offset / kStride;
  return characters_[step] + count_characters(std::string_view(text_).substr(step * kStride, offset - step * kStride));
}

Mark YamlDocument::mark_at(std::size_t offset) const {
  offset = std::min(offset, text_.size());
  const auto line = std::upper_bound(lines_.begin(), lines_.end(), offset) - lines_.begin();
  const std::size_t begin = lines_[static_cast<std::size_t>(line) - 1];
  return {static_cast<int>(line), static_cast<int>(characters_before(offset) - characters_before(begin) + 1)};
}

/// Where a quote opens that is never closed: yaml-cpp takes all the rest of the text for the scalar, so only the last
/// one can.
std::optional<std::size_t> YamlDocument::open_quote() const {
  const YAML::Node last = last_node(root_);
  if (!last.IsScalar() || last.Mark().pos < 0) return {};
  std::size_t i = static_cast<std::size_t>(last.Mark().pos);
  // The mark is that of the anchor or the tag, if there is one.
  while (i < text_.size() && (text_[i] == '&' || text_[i] == '!')) {
    i = text_.find_first_of(" \t\r\n", i);
    i = text_.find_first_not_of(" \t\r\n", i);
  }
  if (i >= text_.size() || (text_[i] != '\'' && text_[i] != '"')) return {};
  const std::size_t open = i;
  const char mark = text_[open];
  for (++i; i < text_.size(); ++i) {
    if (mark == '"' && text_[i] == '\\') {
      ++i;
    } else if (text_[i] == mark) {
      if (mark == '"' || i + 1 == text_.size() || text_[i + 1] != mark) return {};
      ++i;
    }
  }
  return open;
}

std::optional<YamlDocument> YamlDocument::parse(std::string_view text, const std::string& file, Diagnostics& out) {
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) text.remove_prefix(kByteOrderMark.size());
  if (text.size() > kLargestText) {
    Diagnostic d = error(file, {}, "cfg-too-large", "the file is too large", {});
    d.expected = fmt::format("at most {}", print_size(kLargestText));
    d.got = fmt::format("{} bytes", text.size());
    out.add(std::move(d));
    return {};
  }
  YamlDocument document{std::string(text)};
  if (const auto bad = first_bad_byte(text)) {
    Diagnostic d =
        error(file, document.mark_at(*bad), "cfg-encoding", "this is no UTF-8 text", "save the file as UTF-8");
    d.expected = "UTF-8 without control characters";
    d.got = fmt::format("byte 0x{:02X}", static_cast<unsigned>(static_cast<unsigned char>(text[*bad])));
    out.add(std::move(d));
    return {};
  }
  const std::string no_yaml = "this is no YAML";
  try {
    document.root_.reset(YAML::Load(document.text_));
    if (const auto open = document.open_quote()) {
      out.add(error(file, document.mark_at(*open), "cfg-syntax", no_yaml + ": a quote is never closed", {}));
      return {};
    }
    if (const auto second = second_document(document.text_)) {
      const bool nothing_before = document.root_.IsNull();
      out.add(error(
          file, document.mark(*second), "cfg-syntax", nothing_before ? no_yaml : "a second document begins here",
          nothing_before ? "" : "one file is one document: leave out '---' and '...', and check the indentation"));
      return {};
    }
  } catch (const YAML::Exception& e) {
    // What follows a ':' is the user's text.
    const std::string message = e.msg.substr(0, e.msg.find(':'));
    const Mark mark = e.mark.is_null() ? Mark{} : document.mark(e.mark);
    out.add(error(file, mark, "cfg-syntax", no_yaml + ": " + message, hint_for(message)));
    return {};
  }
  return document;
}

std::string flow_scalar(std::string_view text, bool bare) {
  const auto harmless = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
           c == '/' || c == '+' || c == '-' || c == '$';
  };
  if (bare && !text.empty() && text != "-" && std::all_of(text.begin(), text.end(), harmless)) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + '"';
}

namespace {

constexpr int kDeepest = 32;

bool append_flow(std::string& out, const YAML::Node& node, std::size_t& budget, int depth) {
  if (budget == 0 || depth > kDeepest) return false;
  --budget;
  if (node.IsScalar()) {
    out += flow_scalar(node.Scalar(), node.Tag() != "!");
  } else if (node.IsSequence()) {
    std::string_view separator = "[";
    for (const auto& item : node) {
      out += separator;
      if (!append_flow(out, item, budget, depth + 1)) return false;
      separator = ", ";
    }
    out += node.size() == 0 ? "[]" : "]";
  } else if (node.IsMap()) {
    std::string_view separator = "{";
    for (const auto& pair : node) {
      out += separator;
      if (!append_flow(out, pair.first, budget, depth + 1)) return false;
      out += ": ";
      if (!append_flow(out, pair.second, budget, depth + 1)) return false;
      separator = ", ";
    }
    out += node.size() == 0 ? "{}" : "}";
  } else {
    out += "~";
  }
  return true;
}

}  // namespace

std::optional<std::string> flow_text(const YAML::Node& node, std::size_t& budget) {
  std::string out;
  if (!append_flow(out, node, budget, 0)) return {};
  return out;
}

}  // namespace mesura::config
