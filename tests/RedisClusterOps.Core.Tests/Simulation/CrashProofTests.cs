using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>
/// A fault occurs at the first, second, third … send of an operation, then the same command runs again. RCO_PROOF=full tests every
/// operation on every server, from every state that the operation accepts, at every send. A short proof tests every fifth of the sends
/// that only read, and every one that writes with half of the faults: to die before a send leaves what a death after the previous one did.
/// </summary>
public class CrashProofTests(ITestOutputHelper output)
{
    private static readonly bool IsFullProof = Environment.GetEnvironmentVariable("RCO_PROOF") == "full";
    private static readonly int Step = IsFullProof ? 1 : 5;

    // Before the send, then after it.
    private static readonly Mishap[] Faults =
        [Mishap.DiesBeforeSending, Mishap.ConnectionBreaksBefore, Mishap.ConnectionBreaksAfter, Mishap.DiesBeforeTheReply];

    private const int FaultsBefore = 2;

    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            // Completions and round trips that go together are bulk moves, as Move is.
            var together = Operation.Together.Where(operation => IsFullProof || operation.HidesKeys || operation.Repairs);
            foreach (var operation in Operation.All.Concat(together))
            {
                foreach (var rules in ServerRules.All)
                    cases.Add(operation.Name, rules.Name);
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Repeating_the_command_after_a_fault_at_any_send_keeps_every_invariant(string operation, string server)
    {
        var rules = ServerRules.All.Single(each => each.Name == server);
        var starts = Operation.Named(operation).Starts.Where(start => Scene.Exists(rules, start)).ToList();
        var broken = new ConcurrentDictionary<Start, string>();
        var moments = 0;
        DedicatedThreads.ForEach(starts, start =>
        {
            foreach (var (mishap, at) in Moments(Operation.Named(operation), rules, start))
            {
                Interlocked.Increment(ref moments);
                if (!broken.ContainsKey(start) && Run(Operation.Named(operation), rules, start, mishap, at) is { } failure)
                    broken[start] = failure;
            }
        });

        output.WriteLine(moments + " faults in " + starts.Count + " states");
        Assert.True(broken.IsEmpty, string.Join("\n", broken.Values));
        // Several at each state: every write, and of the few reads of a short operation one or none in the short proof.
        Assert.True(moments > 3 * starts.Count, "Only " + moments + " faults.");
    }

    // A read changes nothing on the servers, so a fault after it is the same as a fault before it.
    private static IEnumerable<(Mishap Mishap, int At)> Moments(Operation operation, ServerRules rules, Start start)
    {
        var undisturbed = new Scene(rules, start, seed: 1);
        var connector = new MishapConnector(undisturbed.Cluster, at: 0, Mishap.None);
        operation.Run(undisturbed, connector);
        yield return (Mishap.None, 0);
        for (var at = 1; at <= connector.Sends; at++)
        {
            var writes = connector.Writing.Contains(at);
            if (!writes && at % (rules.HidesForeignKeys && operation.Repairs ? 4 * Step : Step) != 0)
                continue;
            for (var i = 0; i < Faults.Length; i++)
            {
                if (writes ? IsFullProof || i % 2 == at % 2 : i < FaultsBefore)
                    yield return (Faults[i], at);
            }
        }
    }

    /// <returns>A description of the run if an invariant was broken; otherwise null.</returns>
    private static string? Run(Operation operation, ServerRules rules, Start start, Mishap mishap, int at)
    {
        var scene = new Scene(rules, start, seed: 1);
        var (attempts, violations) = Proof.Run(scene, operation, new MishapConnector(scene.Cluster, at, mishap));
        if (violations.Count == 0)
            return null;
        var name = operation + ", " + rules + ", " + start + ", " + mishap + " at send " + at;
        return name + ": " + string.Join("; ", attempts) + "\n  " + string.Join("\n  ", violations.Take(6));
    }
}
