using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Protocol;

/// <summary>Sizes in messages have a unit that shows more than 0.</summary>
public sealed class NumbersTests
{
    [Theory]
    [InlineData(0, "0 bytes")]
    [InlineData(1, "1 byte")]
    [InlineData(1000, "1000 bytes")]
    [InlineData(1536, "1.5 KB")]
    [InlineData(2_000_000, "1.9 MB")]
    [InlineData(20 << 20, "20 MB")]
    [InlineData(5L << 28, "1.25 GB")]
    public void A_size_is_shown_in_the_unit_that_fits(long bytes, string shown) => Assert.Equal(shown, Numbers.Size(bytes));
}
