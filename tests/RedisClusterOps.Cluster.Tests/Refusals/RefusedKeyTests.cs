using System;
using System.Diagnostics;
using System.IO;
using System.Threading.Tasks;
using RedisClusterOps.Cluster.Tests.Faults;
using RedisClusterOps.Cluster.Tests.Moves;
using Xunit;

namespace RedisClusterOps.Cluster.Tests.Refusals;

/// <summary>
/// A key that the target can't take, in a slot whose other keys have moved. Every operation that goes forward names the key, the reason,
/// the setting, and the way back. The way back returns every key.
/// </summary>
public sealed class RefusedKeyTests : IDisposable
{
    private const int Others = 30;
    private const int LargestValue = 1 << 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("redisclusterops-module-").FullName;

    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Valkey91)]
    public async Task A_value_above_the_limit_of_the_target_can_be_pulled_back(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        var slot = new MovingSlot(cluster, 7, cluster.Node(0), cluster.Node(1));
        await slot.Target.SendAsync("CONFIG", "SET", "proto-max-bulk-len", LargestValue);
        // Random bytes: the payload is compressed.
        var value = new byte[3 * LargestValue];
        new Random(1).NextBytes(value);
        await slot.OnSourceAsync("SET", slot.Key("large"), value);
        await HalfMoveAsync(slot);

        await AssertRefusedAsync(slot, "large", "proto-max-bulk-len", "CONFIG SET proto-max-bulk-len <bytes> on " + slot.Target.Endpoint);
        await PullBackAsync(slot);
        Assert.Equal(value, (await slot.OnSourceAsync("GET", slot.Key("large"))).Bytes);

        // The setting is the way forward.
        await slot.Target.SendAsync("CONFIG", "SET", "proto-max-bulk-len", 512 * LargestValue);
        await slot.OpenAsync();
        Assert.Equal(Others + 1, (await slot.CompletedAsync()).KeysMoved);
    }

    [Theory]
    [InlineData(Servers.Redis70)]
    [InlineData(Servers.Valkey91)]
    public async Task A_value_of_a_module_that_the_target_lacks_can_be_pulled_back(string server)
    {
        var module = CompileModule();
        await using var cluster = await TestCluster.StartAsync(server, masters: 3, with: options => options with
        {
            NodeConfigLines = node => node == 0 ? ["loadmodule " + module] : [],
        });
        var slot = new MovingSlot(cluster, 7, cluster.Node(0), cluster.Node(1));
        await slot.OnSourceAsync("TINY.SET", slot.Key("odd"), 42);
        await HalfMoveAsync(slot);

        await AssertRefusedAsync(slot, "odd", "lacks the module tiny", "MODULE LOAD");
        await PullBackAsync(slot);
        Assert.Equal("tinytype0", (await slot.OnSourceAsync("TYPE", slot.Key("odd"))).Text);
    }

    [Theory]
    [InlineData(Servers.Redis86)]
    [InlineData(Servers.Valkey91)]
    public async Task A_value_above_the_limit_of_the_target_moves_whole_in_an_atomic_move(string server)
    {
        await using var cluster = await TestCluster.StartAsync(server, masters: 3);
        var slot = new MovingSlot(cluster, 7, cluster.Node(0), cluster.Node(1));
        await slot.Target.SendAsync("CONFIG", "SET", "proto-max-bulk-len", LargestValue);
        var value = new byte[3 * LargestValue];
        new Random(1).NextBytes(value);
        await slot.OnSourceAsync("SET", slot.Key("large"), value);
        for (var i = 0; i < Others; i++)
            await slot.OnSourceAsync("SET", slot.Key("k" + i), "v" + i);

        using var core = new RedisCluster(slot.Session) { KeepsJournal = false };
        var options = new MoveOptions { Method = MoveMethod.Atomic };
        var plan = await core.PlanMoveAsync(new SlotSelection { Slots = [7], Target = slot.Target.Id }, options, default);
        var check = await core.CheckMovesAsync(plan, options, default);
        var outcome = Assert.Single(await MoveRuns.CarryOutAsync(core, check, options));
        // The limit does not concern the link between the servers.
        Assert.Equal((MigrationOutcome.Moved, nameof(MoveMethod.Atomic)), (outcome.Result.Outcome, outcome.Result.Method));
        Assert.DoesNotContain(check.Findings, finding => finding.Code == PlanFindingCode.KeyTooLarge);
        using var client = cluster.Client();
        Assert.Equal(value, (await client.AskAsync(slot.Key("large"), Protocol.RespCommand.Of("GET", slot.Key("large")))).Bytes);
        for (var i = 0; i < Others; i++)
            Assert.Equal("v" + i, (await client.AskAsync(slot.Key("k" + i), Protocol.RespCommand.Of("GET", slot.Key("k" + i)))).Text);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // Most keys have moved, and only keys that the target refuses are left, as after an interrupted reshard.
    private static async Task HalfMoveAsync(MovingSlot slot)
    {
        await slot.OpenAsync();
        for (var i = 0; i < Others; i++)
            await slot.OnTargetAsync("SET", slot.Key("k" + i), "v" + i);
    }

    private static async Task AssertRefusedAsync(MovingSlot slot, string key, string reason, string setting)
    {
        using var core = new RedisCluster(slot.Session) { KeepsJournal = false };
        var options = new MoveOptions();
        var complete = await core.PlanCompletionAsync(7, null, null, options, default);
        var undo = await core.PlanUndoAsync(7, null, null, UndoStrategy.RoundTrip, false, options, default);
        var repair = Assert.Single(await core.PlanRepairAsync(new RepairOptions { Slots = [7] }, options, default));
        foreach (var plan in new[] { complete, undo, repair })
        {
            var failure = (await core.CarryOutAsync(plan, default)).Failure!;
            Assert.True(failure.Code == FailureCode.KeyRefused, plan.Kind + ": " + failure.Code + ": " + failure.Message);
            Assert.Contains(key, failure.Message);
            Assert.Contains(reason, failure.Message);
            Assert.Contains("Undo-RedisSlotMigration -Slot 7", failure.NextStep());
            Assert.Contains(" -Strategy PullBack; or " + setting, failure.NextStep());
            await slot.AssertOpenAsync();
        }

        // A new target is no way out either, before the keys are back.
        var restart = await Assert.ThrowsAsync<RedisOperationException>(
            () => core.PlanRestartAsync(7, slot.Cluster.Node(2).Id, options, default));
        Assert.Contains("; or Undo-RedisSlotMigration -Slot 7 -Strategy PullBack", restart.NextStep());
    }

    private static async Task PullBackAsync(MovingSlot slot)
    {
        using var core = new RedisCluster(slot.Session) { KeepsJournal = false };
        var plan = await core.PlanUndoAsync(7, null, null, UndoStrategy.PullBack, false, new MoveOptions(), default);
        var outcome = await core.CarryOutAsync(plan, default);
        Assert.True(outcome.Failure is null, outcome.Failure?.Message);
        Assert.Equal((MigrationOutcome.RolledBack, (long)Others), (outcome.Result.Outcome, outcome.Result.KeysMoved));
        for (var i = 0; i < Others; i++)
            Assert.Equal("v" + i, (await slot.OnSourceAsync("GET", slot.Key("k" + i))).Text);
        Assert.Equal(Others + 1, await slot.KeysOnSourceAsync());
        Assert.Empty((await TestCluster.OwnLineOfAsync(slot.Source)).MigratingTo);
        Assert.Empty((await TestCluster.OwnLineOfAsync(slot.Target)).ImportingFrom);
    }

    private string CompileModule()
    {
        var source = RepositoryFiles.OfTests("Refusals", "tinytype.c");
        var module = Path.Combine(_folder, "tinytype.so");
        // No library: the servers run with the libc of another release.
        string[] arguments = ["-shared", "-nostdlib", "-o", module, source];
        using var compiler = Process.Start(new ProcessStartInfo(Servers.PathOf("tcc", "tcc"), arguments)
        {
            RedirectStandardError = true,
        })!;
        var errors = compiler.StandardError.ReadToEnd();
        compiler.WaitForExit();
        Assert.True(compiler.ExitCode == 0, "The module can't be compiled: " + errors);
        // tcc does not say that the module needs no executable stack, and newer loaders refuse it for that. Others ignore the setting.
        Environment.SetEnvironmentVariable("GLIBC_TUNABLES", "glibc.rtld.execstack=2");
        return module;
    }
}
