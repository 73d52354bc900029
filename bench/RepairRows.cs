using System;
using System.Collections.Generic;

namespace RedisClusterOps.Benchmarks;

/// <summary>The rows about slots that are open, or whose owner is dead.</summary>
internal static class RepairRows
{
    private const int MovedKeysInOpenSlot = 15;
    private const int KeysInOpenSlot = 40;
    private const int OpenSlotsEach = 100;

    public static IReadOnlyList<Row> All =>
    [
        new Row(
            "fix",
            Rows.Text(10 * OpenSlotsEach) + " open slots between 10 masters, " + Rows.Text(10 * OpenSlotsEach * KeysInOpenSlot)
                + " keys on both sides",
            new Scenario(Servers.Redis70)
            {
                Masters = 10,
                Owners = 10,
                FillAsync = (cluster, cancellation) => Dataset.OpenSlotsAsync(
                    cluster, cluster.Masters.Count, OpenSlotsEach, KeysInOpenSlot, MovedKeysInOpenSlot, cancellation),
            },
            [ClusterTool.Fix(Rows.Cli), Ours.Repair(Rows.Us)]),
        OpenSlotsRow(),
        DeadOwnerRow("dead-owner", Servers.Redis70),
        DeadOwnerRow("dead-owner-redis-8.6", Servers.Redis86),
        DeadOwnerRow("dead-owner-valkey", Servers.Valkey91),
    ];

    private static Row OpenSlotsRow()
    {
        const int Slots = 200;
        const int KeysInSlot = 60;
        return new Row(
            "open-slots",
            Rows.Text(Slots) + " open slots of one master, " + Rows.Text(Slots * KeysInSlot) + " keys on both sides",
            new Scenario(Servers.Redis70)
            {
                Masters = 3,
                FillAsync = (cluster, cancellation) => Dataset.OpenSlotsAsync(cluster, 1, Slots, KeysInSlot, 20, cancellation),
            },
            [
                ClusterTool.Fix(Rows.Cli),
                Ours.Repair(Rows.Us + ", repair"),
                Ours.Together(Rows.Us + ", complete", Slots, (redis, slots, options, cancellation) =>
                    redis.PlanCompletionsAsync(slots, options, cancellation)),
                Ours.Together(Rows.Us + ", undo", Slots, (redis, slots, options, cancellation) =>
                    redis.PlanUndosAsync(slots, UndoStrategy.RoundTrip, false, options, cancellation)),
                Ours.Together(Rows.Us + ", undo by PullBack", Slots, (redis, slots, options, cancellation) =>
                    redis.PlanUndosAsync(slots, UndoStrategy.PullBack, false, options, cancellation)),
            ])
        {
            Requirements =
            [
                Requirement.Within(Rows.Us + ", repair", Rows.Us + ", complete", 2),
                Requirement.Within(Rows.Us + ", undo", Rows.Us + ", complete", 2),
                Requirement.Within(Rows.Us + ", undo by PullBack", Rows.Us + ", complete", 2),
            ],
        };
    }

    private static Row DeadOwnerRow(string name, string server) => new(
        name,
        "repair of the slots of a dead master, a third of all",
        new Scenario(server) { Masters = 3, NodeTimeout = TimeSpan.FromSeconds(1) },
        [Ours.RepairWithoutLast(Rows.Us)])
    {
        Requirements = [Requirement.AtMost(Rows.Us, Metric.Seconds, 5)],
    };
}
