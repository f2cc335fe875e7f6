#include "net/file_blocks.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

using namespace uwsgiref;
using net::FileBlocks;

TEST_CASE("a block has the bytes that were put there, until it is given back") {
  FileBlocks blocks;
  std::vector<uint32_t> numbers;
  for (size_t size : {size_t{0}, size_t{1}, size_t{1000}, size_t{65'536}}) {
    numbers.push_back(*blocks.take(size));
    std::memset(blocks.memory(numbers.back()), 'a' + static_cast<int>(numbers.size()), size);
  }
  CHECK(blocks.view(numbers[0]).empty());
  CHECK(blocks.view(numbers[1]) == "c");
  CHECK(blocks.view(numbers[2]) == std::string(1000, 'd'));
  CHECK(blocks.view(numbers[3]) == std::string(65'536, 'e'));
  CHECK(!blocks.has(4));
  {
    FileBlocks::Reference block(blocks, numbers[1]);
    const FileBlocks::Reference other(std::move(block));
    CHECK(!block);
    CHECK(other.view() == "c");
  }
  CHECK(!blocks.has(numbers[1]));
  CHECK(blocks.take(7) == numbers[1]);
  CHECK(blocks.view(numbers[2]) == std::string(1000, 'd'));
}

TEST_CASE("memory is bounded, and to be had again") {
  FileBlocks blocks;
  for (int round = 0; round < 3; round++) {
    std::vector<FileBlocks::Reference> taken;
    while (const auto number = blocks.take(65'536)) taken.emplace_back(blocks, *number);
    CHECK(taken.size() == 256);
    CHECK(!blocks.take(1).has_value());
    taken.pop_back();
    const FileBlocks::Reference small(blocks, *blocks.take(1));
    CHECK(small.view().size() == 1);
  }
  CHECK(!blocks.take(SIZE_MAX).has_value());
}
