using RedisClusterOps.Journal;
using RedisClusterOps.Protocol;
using System;
using Xunit;

namespace RedisClusterOps.Core.Tests.Protocol;

/// <summary>The names by which runs see each other in CLIENT LIST.</summary>
public class RunNameTests
{
    [Theory]
    [InlineData("redisclusterops-elsewhere-17-run-20261123T235959Z-4f2a9c", "20261123T235959Z-4f2a9c", false)]
    [InlineData("redisclusterops-elsewhere-17-run-20261123T235959Z-4f2a9c-moving", "20261123T235959Z-4f2a9c", true)]
    [InlineData("redisclusterops-a-run-b-17-run-20261123T235959Z-4f2a9c", "20261123T235959Z-4f2a9c", false)]
    public void A_name_shows_its_run(string name, string id, bool isMoving)
    {
        var run = RunName.TryParse(name)!;
        Assert.Equal((id, isMoving, name), (run.Id, run.IsMoving, run.ToString()));
    }

    [Theory]
    [InlineData("")]
    [InlineData("night-job-run-7")]
    [InlineData("redisclusterops-elsewhere-17")]
    [InlineData("redisclusterops-elsewhere-17-run-")]
    [InlineData("redisclusterops-elsewhere-17-run-a b")]
    public void Other_names_are_no_run(string name) => Assert.Null(RunName.TryParse(name));

    [Fact]
    public void The_name_of_our_own_run_is_our_own()
    {
        var name = new RunName(NodeConnector.ConnectionName, RunJournal.NewId(DateTime.UtcNow), IsMoving: true).ToString();
        Assert.True(NodeConnector.IsOwnName(name));
        Assert.False(NodeConnector.IsNameOfOtherRun(name));
        Assert.False(NodeConnector.IsOwnName(NodeConnector.ConnectionName + "7-run-1"));
        // Servers accept visible ASCII only.
        Assert.Matches("^[!-~]+$", name);
    }
}
