using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Text;
using System.Threading;
using RedisClusterOps.Cluster;
using RedisClusterOps.Journal;
using RedisClusterOps.Planning.Rebalance;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Fuzz;

/// <summary>A parser of untrusted input. It may only accept the input or reject it with our own exception.</summary>
/// <param name="Name">The name, which is also the folder of its corpus.</param>
/// <param name="Read">Parses an input. Any exception other than our own is a fault.</param>
internal sealed record FuzzTarget(string Name, Action<byte[]> Read)
{
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        new("resp", ReadReplies),
        new("nodes", bytes => ReadNodes(Encoding.UTF8.GetString(bytes))),
        new("info", bytes => ReadInfo(Encoding.UTF8.GetString(bytes))),
        new("clients", bytes => ClientLine.Parse(Encoding.UTF8.GetString(bytes))),
        new("connection", bytes => ReadConnection(Encoding.UTF8.GetString(bytes))),
        new("plan", bytes => PlanFile.Read("plan.json", () => bytes)),
        new("journal", bytes => RunFile.Read("20260102T030405Z-abcdef.jsonl", LineReader.Read(new MemoryStream(bytes)), [])),
    ];

    /// <summary>The files of the corpus folder. Each is also an input.</summary>
    public IReadOnlyList<byte[]> Corpus()
    {
        // The replies of real servers are in the folder of the parser's own tests.
        var folder = Name == "nodes"
            ? Path.Combine(AppContext.BaseDirectory, "Cluster", "corpus")
            : Path.Combine(AppContext.BaseDirectory, "Fuzz", "corpus", Name);
        return [.. Directory.GetFiles(folder).Order(StringComparer.Ordinal).Select(File.ReadAllBytes)];
    }

    /// <returns>Null if the input was accepted or rejected properly; otherwise the fault.</returns>
    public Exception? Try(byte[] input)
    {
        try
        {
            Read(input);
            return null;
        }
        catch (RedisOperationException rejection)
        {
            // The message is shown on terminals.
            return rejection.Message.Any(char.IsControl) ? rejection : null;
        }
        catch (EndOfStreamException) when (Name == "resp")
        {
            return null;
        }
        catch (Exception fault)
        {
            return fault;
        }
    }

    private static void ReadReplies(byte[] bytes)
    {
        var reader = new RespReader(new MemoryStream(bytes), new RespLimits());
        while (true)
        {
            // All bytes are in memory, so the task is complete when the method returns.
            var reply = reader.ReadAsync(CancellationToken.None).GetAwaiter().GetResult();
            _ = reply.Text.Length + reply.ToString().Length;
            _ = AtomicTask.AllOfRedis(reply).Count + AtomicTask.AllOfValkey(reply).Count;
        }
    }

    private static void ReadNodes(string text)
    {
        foreach (var line in ClusterNodesParser.Parse(text))
        {
            Assert.InRange(line.Slots.Count, 0, HashSlot.Count);
            Assert.DoesNotContain(line.Endpoint?.ToString() ?? string.Empty, char.IsControl);
            Assert.DoesNotContain(line.Id, char.IsControl);
        }
    }

    private static void ReadInfo(string text)
    {
        var facts = ServerFacts.Parse(text);
        _ = facts.IsAtLeast(7, 0) | facts.MovesSlotsItself;
        _ = (facts.KeyCount, facts.HighestDatabase, facts.CpuSeconds, facts.Engine, facts.Version);
    }

    private static void ReadConnection(string text)
    {
        var session = RedisClusterSession.Parse(text);
        Assert.NotEmpty(session.Seeds);
        Assert.DoesNotContain(session.ToString(), char.IsControl);
        Assert.Equal(session.Seeds, RedisClusterSession.Parse(session.ToString()).Seeds);
    }
}
