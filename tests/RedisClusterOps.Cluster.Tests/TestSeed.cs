using System;
using System.Globalization;
using Xunit;

namespace RedisClusterOps.Cluster.Tests;

/// <summary>The random choices of one test. RCO_SEED=n repeats them.</summary>
internal static class TestSeed
{
    /// <summary>A generator whose seed is written to the test's output.</summary>
    public static Random NewRandom()
    {
        var seed = int.TryParse(
            Environment.GetEnvironmentVariable("RCO_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out var given)
            ? given
            : Random.Shared.Next();
        TestContext.Current.TestOutputHelper!.WriteLine("seed {0} (RCO_SEED={0} repeats the random choices)", seed);
        return new Random(seed);
    }
}
