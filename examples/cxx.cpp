/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cxx.cpp -- a std::vector that is larger than memory.
 *
 * An allocator hands out regions of an engine; containers with large
 * allocations take it as they are.  (Every allocation is a region of its own,
 * so it is not for lists and trees.)
 */
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <new>
#include <system_error>
#include <vector>

#include <pageout/pageout.h>

class Engine
{
      public:
	explicit Engine(uint64_t mem_bytes)
	{
		pageout_options options{};

		options.mem_bytes = mem_bytes;
		int r = pageout_open(&engine, &options);
		if (r < 0)
			throw std::system_error(-r, std::generic_category(),
			                        "pageout_open");
	}
	~Engine()
	{
		pageout_close(engine);
	}
	Engine(const Engine &) = delete;
	Engine &operator=(const Engine &) = delete;

	pageout *engine = nullptr;
};

template <typename T> struct Allocator {
	using value_type = T;

	explicit Allocator(Engine &e) : engine(&e)
	{
	}
	template <typename U>
	Allocator(const Allocator<U> &other) : engine(other.engine)
	{
	}

	T *
	allocate(std::size_t n)
	{
		void *p;

		if (pageout_map(engine->engine, n * sizeof(T), 0, &p) < 0)
			throw std::bad_alloc();
		return static_cast<T *>(p);
	}
	void
	deallocate(T *p, std::size_t n)
	{
		pageout_unmap(engine->engine, p, n * sizeof(T));
	}

	Engine *engine;
};

template <typename T, typename U>
bool
operator==(const Allocator<T> &a, const Allocator<U> &b)
{
	return a.engine == b.engine;
}

template <typename T, typename U>
bool
operator!=(const Allocator<T> &a, const Allocator<U> &b)
{
	return !(a == b);
}

static int
run()
{
	const std::size_t count = 8 << 20; /* 64 MiB in 8 MiB */
	Engine engine(8 << 20);
	std::vector<uint64_t, Allocator<uint64_t>> numbers(
		(Allocator<uint64_t>(engine)));

	numbers.reserve(count);
	for (std::size_t i = 0; i < count; i++)
		numbers.push_back(i * 0x9e3779b97f4a7c15u);
	std::sort(numbers.begin(), numbers.end());

	bool is_sorted = std::is_sorted(numbers.begin(), numbers.end());
	bool has_all = true;
	for (std::size_t i = 0; i < count; i += 100003)
		has_all = has_all &&
		          std::binary_search(numbers.begin(), numbers.end(),
		                             i * 0x9e3779b97f4a7c15u);
	std::printf("%zu numbers, 64 MiB in 8 MiB: %s\n", numbers.size(),
	            is_sorted && has_all ? "sorted, all there" : "WRONG");
	return is_sorted && has_all ? 0 : 1;
}

int
main()
{
	try {
		return run();
	} catch (const std::system_error &e) {
		(void)std::fprintf(stderr, "cxx: %s\n", e.what());
		return 77;
	}
}
