using System;
using System.Collections.Concurrent;
using System.Globalization;
using System.Linq;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>
/// Random histories: node crashes, failovers, late gossip, interrupted transfers and lost connections at random moments of random
/// operations; and the same with members that come and go. RCO_PROOF=full runs a hundred thousand of each; RCO_SEED=n runs one and
/// writes its trace.
/// </summary>
public class HistoryTests(ITestOutputHelper output)
{
    private static readonly int Histories = Environment.GetEnvironmentVariable("RCO_PROOF") == "full" ? 100_000 : 1_000;

    // Each takes longer: the cluster has to settle after a node was forgotten.
    private static readonly int HistoriesOfMembers = Histories == 1_000 ? 300 : Histories;

    [Fact]
    public void Random_histories_break_no_invariant() => Run(membersChange: false, Histories);

    [Fact]
    public void Random_histories_in_which_members_change_break_no_invariant() => Run(membersChange: true, HistoriesOfMembers);

    private void Run(bool membersChange, int histories)
    {
        if (Environment.GetEnvironmentVariable("RCO_SEED") is { Length: > 0 } seed)
        {
            var history = History.Run(int.Parse(seed, CultureInfo.InvariantCulture), trace: true, membersChange: membersChange);
            output.WriteLine(history + "\n" + string.Join('\n', history.Trace));
            Assert.Empty(history.Violations);
            return;
        }

        var clock = System.Diagnostics.Stopwatch.StartNew();
        var first = int.Parse(Environment.GetEnvironmentVariable("RCO_FIRST_SEED") ?? "1", CultureInfo.InvariantCulture);
        var endings = new ConcurrentDictionary<string, int>();
        var broken = new ConcurrentBag<History>();
        var (succeeded, races) = (0, 0);
        DedicatedThreads.ForEach(Enumerable.Range(first, histories), number =>
        {
            var history = History.Run(number, membersChange: membersChange);
            if (history.Violations.Count > 0)
                broken.Add(history);
            if (history.Succeeded)
                System.Threading.Interlocked.Increment(ref succeeded);
            if (history.MetRace)
                System.Threading.Interlocked.Increment(ref races);
            var last = history.Attempts[^1];
            var end = last.Failure?.Code.ToString() ?? last.Outcome.ToString();
            endings.AddOrUpdate(history.Scenario.Operation + ", " + history.Scenario.Start + ": " + end, 1, (_, count) => count + 1);
        });

        output.WriteLine(clock.ElapsedMilliseconds + " ms, " + Environment.CpuUsage.TotalTime.TotalSeconds + " s of processor time");
        foreach (var ending in endings.OrderBy(ending => ending.Key, StringComparer.Ordinal))
            output.WriteLine(ending.Key + " " + ending.Value);
        output.WriteLine(succeeded + " of " + histories + " succeeded");
        output.WriteLine(races + " met a failover that could not be known");
        output.WriteLine("broken: " + string.Join(", ", broken.Select(history => history.Seed).Order()));
        var shortest = broken.OrderBy(history => history.Attempts.Count).Take(12);
        Assert.True(broken.IsEmpty, broken.Count + " histories break an invariant:\n" + string.Join('\n', shortest));
        // Histories that all end in a refusal would prove nothing.
        Assert.True(races <= histories / (membersChange ? 100 : 1000), races + " of " + histories + " were excused.");
        Assert.True(succeeded > histories * 8 / 10, succeeded + " of " + histories + " succeeded.");
    }
}
