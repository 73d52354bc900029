using System;
using System.Linq;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using System.Management.Automation.StandIn;
using Xunit;

namespace RedisClusterOps.Tests;

/// <summary>What cmdlets make of their parameters before there is any cluster. On the stand-in engine.</summary>
public sealed class ParameterTests
{
    [Theory]
    [InlineData("10ms", 10)]
    [InlineData("5s", 5_000)]
    [InlineData("1.5s", 1_500)]
    [InlineData("30m", 1_800_000)]
    [InlineData(" 2H ", 7_200_000)]
    [InlineData("1d", 86_400_000)]
    [InlineData("00:00:05", 5_000)]
    public void A_time_span_reads_units(string text, double milliseconds) =>
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), new DurationAttribute().Transform(new EngineIntrinsics(), text));

    [Theory]
    [InlineData("5")]
    [InlineData(5)]
    [InlineData("5 apples")]
    [InlineData("-5s")]
    [InlineData("0s")]
    [InlineData("00:00:00")]
    [InlineData("ms")]
    [InlineData("99999999999999999999d")]
    [InlineData("1e9d")]
    [InlineData("")]
    [InlineData(null)]
    public void A_time_span_without_a_unit_or_sense_is_refused(object? value) =>
        Assert.Throws<ArgumentTransformationMetadataException>(() => new DurationAttribute().Transform(new EngineIntrinsics(), value!));

    [Fact]
    public void Without_a_cluster_the_error_names_the_cmdlet_that_connects()
    {
        var run = new Engine().Run("Get-RedisOpenSlot");
        Assert.Equal("NoCluster", run.TerminatingError!.FullyQualifiedErrorId);
        Assert.Contains("Connect-RedisCluster", run.TerminatingError.ErrorDetails!.RecommendedAction, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("host:99999")]
    [InlineData("host:1,colour=blue")]
    [InlineData("redis://user:s3cret@host:1?x=y")]
    public void A_text_that_names_no_cluster_is_an_error_without_secrets(string text)
    {
        foreach (var run in new[] { new Engine().Run("Get-RedisClusterInfo", ("Cluster", text)), new Engine().Run("Connect-RedisCluster", ("Endpoint", text)) })
        {
            Assert.Equal("InvalidConnectionString", run.TerminatingError!.FullyQualifiedErrorId);
            Assert.DoesNotContain("s3cret", run.TerminatingError.ToString(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_cluster_may_be_a_session_a_text_or_several_texts()
    {
        var session = RedisClusterSession.Parse("127.0.0.1:7000");
        Assert.Same(session, Transform(session).Resolve());
        Assert.Equal("127.0.0.1:7000", Transform("127.0.0.1:7000").Resolve().ToString());
        Assert.Equal("127.0.0.1:7000,127.0.0.1:7001", Transform(new object[] { new PSObject("127.0.0.1:7000"), "127.0.0.1:7001" }).Resolve().ToString());
        // What a job sends back is a copy that only its text is left of.
        Assert.Equal("127.0.0.1:7000", Transform(new PSObject(new NodeEndpoint("127.0.0.1", 7000))).Resolve().ToString());
        Assert.Null(new RedisClusterReferenceAttribute().Transform(new EngineIntrinsics(), null!));
    }

    [Fact]
    public void A_node_that_does_not_answer_fails_the_connection_and_leaves_the_current_cluster()
    {
        var runspace = new Runspace();
        var run = new Engine { Runspace = runspace }.Run("Connect-RedisCluster", ("Endpoint", "127.0.0.1:1"), ("ConnectTimeout", "2s"));
        Assert.Equal("ConnectionFailed", run.TerminatingError!.FullyQualifiedErrorId);
        Assert.Equal(ErrorCategory.ConnectionError, run.TerminatingError.CategoryInfo.Category);
        Assert.Empty(run.Output);
        Assert.Equal("NoCluster", new Engine { Runspace = runspace }.Run("Get-RedisClusterInfo").TerminatingError!.FullyQualifiedErrorId);
    }

    [Fact]
    public void Skipping_the_certificate_check_warns() =>
        Assert.Single(new Engine().Run("Connect-RedisCluster", ("Endpoint", "127.0.0.1:1"), ("SkipCertificateCheck", true)).Warnings);

    [Fact]
    public void A_key_is_located_without_a_cluster()
    {
        var run = new Engine().Pipe(["user:loadtest_user_33:reservations", "{a}b", string.Empty], "Get-RedisKeySlot");
        var keys = run.Output.Cast<RedisKeySlot>().ToArray();
        Assert.Equal([5519, 15495, 0], keys.Select(key => key.Slot));
        Assert.Equal([null, "a", null], keys.Select(key => key.HashTag));
        Assert.All(keys, key => Assert.Null(key.Owner));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(16384)]
    public void A_slot_that_does_not_exist_is_not_bound(int slot) =>
        Assert.Equal("ParameterArgumentValidationError", Assert.Throws<ParameterBindingException>(
            () => new Engine().Run("Complete-RedisSlotMigration", ("Slot", slot))).ErrorId);

    private static RedisClusterReference Transform(object value) =>
        (RedisClusterReference)new RedisClusterReferenceAttribute().Transform(new EngineIntrinsics(), value);
}
