using System;
using System.Diagnostics;
using System.Linq;
using System.Text;
using Xunit;

namespace RedisClusterOps.Core.Tests.Fuzz;

/// <summary>
/// Parses inputs that a seeded generator makes from the corpus: no crash, no hang, and memory in proportion to the input. A normal run
/// takes a few seconds; RCO_PROOF=full runs ten million inputs, or for ten minutes. An input that fails is added to the corpus.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private static readonly bool IsFull = Environment.GetEnvironmentVariable("RCO_PROOF") == "full";
    private static readonly int Inputs = IsFull ? 10_000_000 / FuzzTarget.All.Count + 1 : 6_000;
    private static readonly TimeSpan TimeLimit = IsFull ? TimeSpan.FromMinutes(10) / FuzzTarget.All.Count : TimeSpan.FromSeconds(2);

    // Long, because a busy machine may delay the test.
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(30);

    private const long MemoryBase = 4L << 20;
    private const long MemoryPerByte = 2_000;

    // A journal line of less than a hundred bytes may contain all slots, each of which takes memory. The number of such lines is limited.
    private const long MemoryPerByteOfJournal = 300_000;

    public static TheoryData<string> Targets => [.. FuzzTarget.All.Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Every_input_is_parsed_or_rejected_with_our_own_exception(string name)
    {
        var target = FuzzTarget.All.Single(known => known.Name == name);
        var corpus = target.Corpus();
        Assert.NotEmpty(corpus);
        foreach (var input in corpus)
            Check(target, input);

        // Full runs use different seeds, so that they add up. The output contains the seed.
        var seed = IsFull ? Environment.TickCount : 7;
        var mutator = new Mutator(corpus, seed);
        var clock = Stopwatch.StartNew();
        var (count, slowest, most) = (0, TimeSpan.Zero, 0L);
        for (; count < Inputs && clock.Elapsed < TimeLimit; count++)
        {
            var (time, bytes) = Check(target, mutator.Next());
            slowest = time > slowest ? time : slowest;
            most = Math.Max(most, bytes);
        }

        output.WriteLine(
            $"{name}: {count} inputs in {clock.Elapsed.TotalSeconds:0.0} s, seed {seed}, "
            + $"slowest {slowest.TotalMilliseconds:0.0} ms, most memory {most / 1024} KB");
        Assert.True(count > 0);
    }

    // Tests the test.
    [Fact]
    public void A_parser_that_fails_or_wastes_memory_is_detected()
    {
        Assert.NotNull(new FuzzTarget("resp", _ => throw new InvalidOperationException()).Try([1]));
        Assert.NotNull(new FuzzTarget("resp", _ => throw new RedisOperationException(FailureCode.ProtocolError, "\x1b[2J")).Try([1]));
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => Check(new FuzzTarget("resp", _ => WasteMemory()), [1]));
        static void WasteMemory() => GC.KeepAlive(Enumerable.Range(0, 10).Select(_ => new byte[1 << 20]).ToList());
    }

    private static (TimeSpan Time, long Bytes) Check(FuzzTarget target, byte[] input)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var started = Stopwatch.GetTimestamp();
        var fault = target.Try(input);
        var time = Stopwatch.GetElapsedTime(started);
        var bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(fault is null, target.Name + ": " + fault + "\nThe input: " + Convert.ToBase64String(input) + "\n"
            + Encoding.Latin1.GetString(input));
        Assert.True(time < Hang, target.Name + " took " + time + " for " + Convert.ToBase64String(input));
        var limit = MemoryBase + (target.Name == "journal" ? MemoryPerByteOfJournal : MemoryPerByte) * input.Length;
        Assert.True(bytes < limit, target.Name + " took " + bytes + " bytes for " + Convert.ToBase64String(input));
        return (time, bytes);
    }
}
