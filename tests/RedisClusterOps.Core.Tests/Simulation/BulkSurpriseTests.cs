using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Simulation;

/// <summary>Replies to MIGRATE that a run of many slots does not expect: what it counts, reports and sends again.</summary>
public class BulkSurpriseTests
{
    private const string Failed = "ERR Target instance replied with error: ";

    [Fact]
    public void Keys_that_moved_before_an_error_are_counted()
    {
        var scene = TwoSlots();
        var expected = scene.Source.Keys.CountIn(SlotMap.MovingPart) + 1;
        var outcomes = Move(scene, first => first ? Failed + "BUSYKEY Target key name already exists." : null, isForwarded: true, out _);
        Assert.Equal(expected, outcomes.Sum(outcome => outcome.Result.KeysMoved));
    }

    [Fact]
    public void Keys_that_a_target_refused_while_it_was_down_are_sent_again_after_it_accepts_others()
    {
        var isDown = true;
        var outcomes = Move(TwoSlots(), _ =>
        {
            var wasDown = isDown;
            isDown = false;
            return wasDown ? Failed + "CLUSTERDOWN The cluster is down" : null;
        }, isForwarded: false, out var messages);
        Assert.Equal(2, outcomes.Count);
        Assert.DoesNotContain(messages, message => message.Contains("individually", StringComparison.Ordinal));
    }

    [Fact]
    public void A_slot_that_the_target_refuses_while_it_accepts_others_moves_individually_and_the_log_gives_its_reply()
    {
        var (refusals, refused) = (0, (string?)null);
        var scene = TwoSlots(keysBeside: 40);
        Move(scene, _ => null, isForwarded: false, out var messages, command =>
        {
            if (refusals > 1 || (refused is not null && !InterceptedSend.Text(command).Contains(refused, StringComparison.Ordinal)))
                return null;
            refused ??= InterceptedSend.Text(command).Split(' ')[^1];
            refusals++;
            return Failed + "CLUSTERDOWN Hash slot not served";
        });
        Assert.Equal(2, refusals);
        Assert.Contains(messages, message => message.Contains("individually, because " + Failed + "CLUSTERDOWN", StringComparison.Ordinal));
    }

    // The keys of many slots return in batches of the size that was asked for, as those of a single slot do.
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void The_batch_size_also_limits_the_keys_of_many_slots_that_return(int size)
    {
        var (scene, most) = (new Scene(ServerRules.Redis70, Start.Migrating, seed: 1, new SceneOptions { Clients = 0 }), new List<int>());
        var core = new InterceptingConnector(scene.Cluster, sending =>
        {
            var keys = sending.Commands.Where(IsMigrate).Sum(KeysIn);
            if (keys > 0)
                most.Add(keys);
            return sending.ForwardAsync();
        });
        using var cluster = new RedisCluster(scene.Session, core, null) { KeepsJournal = false, LooksAhead = false };
        var outcomes = Operation.ResultOf(UndoAsync());
        Assert.True(outcomes.Single().Failure is null, outcomes.Single().Failure?.ToString());
        Assert.Equal(size, most.Max());

        async Task<List<SlotOutcome>> UndoAsync()
        {
            var options = new MoveOptions { BatchSize = size };
            (int, string?, string?)[] slots = [(SlotMap.Moving, scene.Source.Id, scene.Target.Id)];
            var plans = await cluster.PlanUndosAsync(slots, UndoStrategy.PullBack, false, options, default);
            return await TakeAsync(await cluster.RunTogetherAsync(plans, default));
        }
    }

    private static bool IsMigrate(RespCommand command) => InterceptedSend.Is(command, "MIGRATE");

    private static int KeysIn(RespCommand migrate) =>
        InterceptedSend.Text(migrate).Split(' ').SkipWhile(word => word != "KEYS").Skip(1).Count();

    private static Scene TwoSlots(int keysBeside = 1)
    {
        var scene = new Scene(ServerRules.Redis70, Start.Stable, seed: 1, new SceneOptions { TargetHasSlots = true, Clients = 0 });
        scene.Cluster.Assign(SlotMap.BesidePart, scene.Source.Index);
        for (var i = 0; i < keysBeside; i++)
        {
            var key = SlotMap.KeyOf(SlotMap.Beside, "beside" + i);
            scene.Source.Keys.Set(0, SlotMap.BesidePart, key, new StoredValue("stays"));
            scene.Cluster.Ledger.Acknowledged(0, key, new StoredValue("stays"));
        }

        return scene;
    }

    // Moves both slots. Every case ends with both on the target, and with every key.
    private static List<SlotOutcome> Move(
        Scene scene, Func<bool, string?> errorOfMigrate, bool isForwarded, out List<string> messages,
        Func<RespCommand, string?>? errorOf = null)
    {
        var isFirst = true;
        var core = new InterceptingConnector(scene.Cluster, async sending =>
        {
            if (!sending.Commands.Any(IsMigrate))
                return await sending.ForwardAsync();
            var replies = new List<RespValue>();
            foreach (var command in sending.Commands)
            {
                var error = !IsMigrate(command) ? null : errorOf is null ? errorOfMigrate(isFirst) : errorOf(command);
                var reply = error is null || isForwarded ? (await sending.ForwardAsync([command]))[0] : null;
                replies.Add(error is null ? reply! : RespValue.Error(error));
            }

            isFirst = false;
            return replies;
        });
        using var log = new OperationLog();
        using var cluster = new RedisCluster(scene.Session, core, log) { KeepsJournal = false, LooksAhead = false };
        var outcomes = Operation.ResultOf(MoveAsync());
        messages = [];
        while (log.TryTake(out var logged, TimeSpan.Zero))
            messages.Add(logged!.Message);
        Assert.All(outcomes, outcome => Assert.True(outcome.Failure is null, outcome.Failure?.ToString()));
        scene.Cluster.Ledger.RequireNothingLost();
        return outcomes;

        async Task<List<SlotOutcome>> MoveAsync()
        {
            var options = new MoveOptions { Method = MoveMethod.KeyByKey };
            (int, string, string)[] moves =
                [(SlotMap.Moving, scene.Source.Id, scene.Target.Id), (SlotMap.Beside, scene.Source.Id, scene.Target.Id)];
            var plan = await cluster.PlanRestOfMovesAsync(MigrationOperation.Move, moves, options, default);
            return await TakeAsync(await cluster.RunMovesAsync(plan, plan.Moves, options, default));
        }
    }

    private static async Task<List<SlotOutcome>> TakeAsync(SlotMoveRun run)
    {
        var outcomes = new List<SlotOutcome>();
        while (await run.NextAsync() is { } some)
            outcomes.AddRange(some);
        return outcomes;
    }
}
