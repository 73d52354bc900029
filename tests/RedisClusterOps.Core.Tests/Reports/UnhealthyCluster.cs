using System;
using System.Linq;
using RedisClusterOps.Diagnosis;
using RedisClusterOps.Protocol;
using RedisClusterOps.Reports;

namespace RedisClusterOps.Core.Tests.Reports;

/// <summary>A cluster with everything that a report can show.</summary>
internal static class UnhealthyCluster
{
    public static RedisClusterSession Session { get; } = RedisClusterSession.Parse("redis://bob:s3cret-word@10.0.0.1:6379");

    /// <param name="end">What each text of the report ends with.</param>
    public static ClusterReport Report(string end = "")
    {
        var run = OwnerChangeTests.Run(
            "20260101T000000Z-aaaaaa",
            OwnerChangeTests.Moved(1, Charts.Id(1), Charts.Id(0)),
            OwnerChangeTests.Moved(2, "gone" + end, Charts.Id(0)) with { Source = "old:1" + end });
        var older = OwnerChangeTests.Run(
            "20251231T000000Z-bbbbbb" + end,
            OwnerChangeTests.Moved(3, "x", "y") with { Outcome = null });
        RedisMigration[] history =
        [
            run with { User = "bob" + end, Host = "host" + end },
            older with { State = MigrationState.Interrupted, User = "bob", Host = "host", Operation = "Complete" + end },
        ];
        var written = new DateTime(2026, 1, 2, 3, 4, 5, DateTimeKind.Utc);
        return new ClusterReport(Health(end), Chart(end), history, written, null)
        {
            Alerts = Alerts(end),
            Traffic =
            [
                new RedisClusterTraffic
                {
                    Node = "10.0.0.1:6379" + end,
                    Interval = TimeSpan.FromSeconds(1),
                    OperationsPerSecond = 12345.6,
                    OutputBytesPerSecond = 3 << 19,
                    MovedPerSecond = 17,
                    Trouble = "2 CROSSSLOT/s" + end,
                    Next = new NextAction(NextActionCode.FindSlotOfKey) { Note = "one hash tag" + end },
                },
            ],
            Clients = new ClientKinds(
                [new ClientLibrary("lettuce" + end, "6.1" + end, 40, ["a", "b"]), new ClientLibrary(string.Empty, string.Empty, 2, ["a"])],
                ["10.0.0.3:6379" + end]),
        };
    }

    private static RedisClusterHealth Health(string end)
    {
        var masters = Enumerable.Range(0, 3).Select(i => new RedisClusterNode
        {
            Id = Charts.Id(i),
            Endpoint = "10.0.0." + i + ":6379" + end,
            SlotCount = 5461,
            KeyCount = 120_000,
            UsedMemory = 3 << 19,
            MaxMemory = 3 << 20,
            Version = "7.0.15" + end,
            Trouble = i == 2 ? "no answer" + end : null,
        });
        var replica = new RedisClusterNode
        {
            Id = "r" + end,
            Endpoint = "10.0.0.9:6379" + end,
            Role = RedisNodeRole.Replica,
            MasterId = Charts.Id(0),
            MasterLinkStatus = "down",
        };
        return new RedisClusterHealth
        {
            Cluster = Session,
            Nodes = [.. masters, replica],
            Findings =
            [
                new RedisClusterFinding
                {
                    Code = FindingCode.SlotOpen,
                    Severity = FindingSeverity.Error,
                    Target = "5519" + end,
                    Message = "Migrating" + end,
                    Next = new NextAction(NextActionCode.Complete) { Slots = "5519" + end },
                },
                new RedisClusterFinding
                {
                    Code = FindingCode.ReplicaLag,
                    Severity = FindingSeverity.Warning,
                    Target = "10.0.0.9:6379" + end,
                    Message = "behind" + end,
                },
            ],
            OpenSlots =
            [
                new RedisOpenSlot
                {
                    Slot = 5519,
                    State = RedisOpenSlotState.Migrating,
                    Source = "10.0.0.1:6379" + end,
                    Target = "10.0.0.2:6379" + end,
                    KeysOnSource = 100,
                    KeysOnTarget = 50,
                    PercentComplete = 33,
                    Since = new DateTime(2026, 1, 1, 0, 0, 0, DateTimeKind.Utc),
                    ClientsSee = "clients wait" + end,
                    Next = new NextAction(NextActionCode.Complete) { Slots = "5519" + end },
                },
            ],
        };
    }

    private static SlotChart Chart(string end)
    {
        var even = Charts.Even(3, open: "5519", disputed: "7,9", uncovered: "14000-14100");
        var masters = even.Masters.Select(master => master with { Name = Printable.Clean(master.Name + end, 200) });
        return new SlotChart([.. masters], even.Open, even.Disputed, even.Uncovered);
    }

    private static RedisClusterAlert[] Alerts(string end) =>
    [
        new RedisClusterAlert
        {
            Code = AlertCode.SlotStuck,
            Severity = FindingSeverity.Error,
            Target = "5519" + end,
            Since = new DateTime(2026, 1, 2, 2, 33, 0, DateTimeKind.Utc),
            IsSinceExact = true,
            Message = "Stuck at 33 % for 31 min." + end,
            Next = new NextAction(NextActionCode.Complete) { Slots = "5519" + end },
        },
        new RedisClusterAlert
        {
            Code = AlertCode.NodePFail,
            Severity = FindingSeverity.Warning,
            Target = "10.0.0.3:6379" + end,
            Since = new DateTime(2026, 1, 2, 3, 0, 0, DateTimeKind.Utc),
            Message = "At least one node can't reach it." + end,
            Next = new NextAction(NextActionCode.ShowNodes) { Node = "10.0.0.3:6379" + end },
        },
    ];
}
