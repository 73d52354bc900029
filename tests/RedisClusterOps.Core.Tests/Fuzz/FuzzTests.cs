using System;
using System.Diagnostics;
using System.Linq;
using System.Text;
using Xunit;

namespace RedisClusterOps.Core.Tests.Fuzz;

/// <summary>
/// Inputs that a seeded generator makes of the corpus: no crash, no hang, no memory beyond what the input is worth. Some seconds in a usual run;
/// RCO_PROOF=full takes ten million inputs, or as many as ten minutes allow. An input that is found goes into the corpus.
/// </summary>
public sealed class FuzzTests(ITestOutputHelper output)
{
    private static readonly bool IsFull = Environment.GetEnvironmentVariable("RCO_PROOF") == "full";
    private static readonly int Inputs = IsFull ? 10_000_000 / FuzzTarget.All.Count + 1 : 6_000;
    private static readonly TimeSpan Patience = IsFull ? TimeSpan.FromMinutes(10) / FuzzTarget.All.Count : TimeSpan.FromSeconds(2);

    // A machine that does other things may stop us for a while; a parser that never ends does not end within this either.
    private static readonly TimeSpan Hang = TimeSpan.FromSeconds(30);

    private const long MemoryBase = 4L << 20;
    private const long MemoryPerByte = 2_000;

    // A line of a journal that is shorter than a hundred bytes may speak of every slot, so all of them are made anew for it; how often is bounded.
    private const long MemoryPerByteOfJournal = 300_000;

    public static TheoryData<string> Targets => [.. FuzzTarget.All.Select(target => target.Name)];

    [Theory]
    [MemberData(nameof(Targets))]
    public void Every_input_is_read_or_refused_in_our_own_words(string name)
    {
        var target = FuzzTarget.All.Single(known => known.Name == name);
        var corpus = target.Corpus();
        Assert.NotEmpty(corpus);
        foreach (var input in corpus)
            Check(target, input);

        // Another seed in every full run, so that runs add up; the output tells it.
        var seed = IsFull ? Environment.TickCount : 7;
        var mutator = new Mutator(corpus, seed);
        var clock = Stopwatch.StartNew();
        var (count, slowest, most) = (0, TimeSpan.Zero, 0L);
        for (; count < Inputs && clock.Elapsed < Patience; count++)
        {
            var (time, bytes) = Check(target, mutator.Next());
            slowest = time > slowest ? time : slowest;
            most = Math.Max(most, bytes);
        }

        output.WriteLine($"{name}: {count} inputs in {clock.Elapsed.TotalSeconds:0.0} s, seed {seed}, slowest {slowest.TotalMilliseconds:0.0} ms, most memory {most / 1024} KB");
        Assert.True(count > 0);
    }

    // The proof that the proof would see something.
    [Fact]
    public void A_parser_that_fails_hangs_on_or_hoards_is_found_out()
    {
        Assert.NotNull(new FuzzTarget("resp", _ => throw new InvalidOperationException()).Try([1]));
        Assert.NotNull(new FuzzTarget("resp", _ => throw new RedisOperationException(FailureCode.ProtocolError, "\x1b[2J")).Try([1]));
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => Check(new FuzzTarget("resp", _ => Hoard()), [1]));
        static void Hoard() => GC.KeepAlive(Enumerable.Range(0, 10).Select(_ => new byte[1 << 20]).ToList());
    }

    private static (TimeSpan Time, long Bytes) Check(FuzzTarget target, byte[] input)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var started = Stopwatch.GetTimestamp();
        var fault = target.Try(input);
        var time = Stopwatch.GetElapsedTime(started);
        var bytes = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.True(fault is null, target.Name + ": " + fault + "\nThe input: " + Convert.ToBase64String(input) + "\n" + Encoding.Latin1.GetString(input));
        Assert.True(time < Hang, target.Name + " took " + time + " for " + Convert.ToBase64String(input));
        Assert.True(bytes < MemoryBase + (target.Name == "journal" ? MemoryPerByteOfJournal : MemoryPerByte) * input.Length, target.Name + " took " + bytes + " bytes for " + Convert.ToBase64String(input));
        return (time, bytes);
    }
}
