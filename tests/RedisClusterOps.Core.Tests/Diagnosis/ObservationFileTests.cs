using System;
using System.IO;
using System.Linq;
using System.Threading.Tasks;
using RedisClusterOps.Core.Tests.Journal;
using RedisClusterOps.Diagnosis;
using Xunit;

namespace RedisClusterOps.Core.Tests.Diagnosis;

/// <summary>The file that a watcher remembers by: its owner's alone, whole or not there, and nothing in it is believed unseen.</summary>
public sealed class ObservationFileTests : IDisposable
{
    private readonly WatchedCluster _cluster = new();

    [Fact]
    public async Task It_is_private_and_leaves_no_other_file()
    {
        await _cluster.LookAsync();
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_cluster.StatePath));
        await _cluster.LookAsync();
        if (!OperatingSystem.IsWindows())
            Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(_cluster.StatePath));
        Assert.Equal([_cluster.StatePath], Directory.GetFiles(Path.GetDirectoryName(_cluster.StatePath)!));
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("no JSON at all")]
    [InlineData("{\"version\":1,\"nodeIds\":[],\"seen\":[{}]}")]
    [InlineData("{\"version\":1,\"nodeIds\":[],\"seen\":[null]}")]
    [InlineData("{\"version\":99,\"nodeIds\":[],\"seen\":[]}")]
    [InlineData("{\"version\":1,\"nodeIds\":[],\"seen\":[{\"code\":\"SlotOpen\",\"target\":\"5519\","
        + "\"first\":\"yesterday\",\"last\":\"2026-11-23T10:00:00.0000000Z\"}]}")]
    [InlineData("{\"version\":1,\"nodeIds\":[],\"seen\":[{\"code\":\"SlotOpen\",\"target\":\"5519\","
        + "\"first\":\"2026-11-23T10:00:00.0000000Z\"")]
    public async Task A_damaged_one_is_kept_with_a_warning_and_a_new_one_begins(string content)
    {
        await File.WriteAllTextAsync(_cluster.StatePath, content, TestContext.Current.CancellationToken);
        var outcome = await _cluster.LookAsync();
        Assert.Null(outcome.Failure);
        Assert.Empty(outcome.Alerts);
        var warning = Assert.Single(_cluster.Warnings);
        Assert.Contains(_cluster.StatePath, warning);
        Assert.Contains("Times count from now", warning);
        Assert.Equal(content, await File.ReadAllTextAsync(_cluster.StatePath + ".damaged", TestContext.Current.CancellationToken));

        _cluster.Pass(TimeSpan.FromMinutes(31));
        Assert.Single((await _cluster.LookAsync()).Alerts);
        Assert.Empty(_cluster.Warnings);
    }

    [Fact]
    public async Task One_above_the_size_limit_is_not_read_to_its_end()
    {
        await File.WriteAllBytesAsync(_cluster.StatePath, new byte[ObservationFile.LongestFile + 1], TestContext.Current.CancellationToken);
        await _cluster.LookAsync();
        Assert.Contains("longer than any", Assert.Single(_cluster.Warnings));
    }

    [Fact]
    public async Task All_slots_of_a_cluster_fit_into_it()
    {
        var now = _cluster.Now;
        var observations = Enumerable.Range(0, 16384).Select(slot => new Observation(Observation.OpenSlot, slot.ToString(), now, now)
        {
            Changed = now,
            KeysLeft = long.MaxValue,
            State = RedisOpenSlotState.SourceFailedOver,
            SourceId = TestJournal.NodeA,
            TargetId = TestJournal.NodeB,
        }).ToList();
        ObservationFile.Write(_cluster.StatePath, [TestJournal.NodeA], observations, now, null);
        Assert.Equal(observations, ObservationFile.Read(_cluster.StatePath).Observations);
        await Task.CompletedTask;
    }

    [Fact]
    public async Task One_of_another_cluster_is_unchanged_and_the_alerts_are_written()
    {
        ObservationFile.Write(_cluster.StatePath, ["another-cluster"], [], _cluster.Now, null);
        var before = await File.ReadAllTextAsync(_cluster.StatePath, TestContext.Current.CancellationToken);
        _cluster.ClusterState = "fail";
        var outcome = await _cluster.LookAsync();
        Assert.Equal(FailureCode.StateFileUnavailable, outcome.Failure!.Code);
        Assert.Equal(AlertCode.ClusterStateFail, outcome.Alerts[0].Code);
        Assert.Equal(before, await File.ReadAllTextAsync(_cluster.StatePath, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task If_it_can_not_be_written_the_alerts_are_written_before_the_error()
    {
        _cluster.ClusterState = "fail";
        var outcome = await _cluster.LookAsync(new AlertOptions { StatePath = Path.Combine(_cluster.StatePath, "no", "folder") });
        Assert.NotEmpty(outcome.Alerts);
        Assert.Equal(FailureCode.StateFileUnavailable, outcome.Failure!.Code);
        Assert.Contains("This check was not recorded", outcome.Failure.Message);
    }

    [Fact]
    public async Task Times_in_the_future_count_from_now()
    {
        await _cluster.LookAsync();
        var back = _cluster.Now.AddHours(-2);
        _cluster.SetTime(back);
        Assert.Empty((await _cluster.LookAsync()).Alerts);
        _cluster.SetTime(back.AddMinutes(31));
        Assert.Equal(back, Assert.Single((await _cluster.LookAsync()).Alerts).Since);
    }

    public void Dispose() => _cluster.Dispose();
}
