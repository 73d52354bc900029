using System;
using System.Collections.Generic;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Cluster;

public sealed class RedisClusterSessionTests
{
    [Fact]
    public void Several_connection_strings_are_the_seeds_of_one_cluster()
    {
        var session = RedisClusterSession.Parse(["a:1,b:2", "redis://c:3", "a:1"]);

        Assert.Equal("a:1,b:2,c:3", session.ToString());
    }

    [Theory]
    [InlineData("redis://ann:secret@a:1", "b:2")]
    [InlineData("a:1", "redis://ann:secret@b:2")]
    [InlineData("redis://ann:secret@a:1", "b:2,user=ann,password=secret")]
    public void The_settings_of_one_connection_string_apply_to_all(string one, string other)
    {
        var session = RedisClusterSession.Parse([one, other]);

        Assert.Equal("a:1,b:2", session.ToString());
        Assert.Equal(("ann", "secret"), (session.User, session.Options.Password));
    }

    [Fact]
    public void Contradictory_connection_strings_are_rejected()
    {
        var failure = Assert.Throws<RedisOperationException>(() =>
            RedisClusterSession.Parse(["redis://ann:secret@a:1", "redis://bob:secret@a:1"]));

        Assert.Equal(FailureCode.InvalidConnectionString, failure.Code);
        Assert.Contains("different credentials", failure.Message);
        Assert.DoesNotContain("secret", failure.ToString());
    }

    [Fact]
    public void An_empty_list_of_connection_strings_is_rejected() =>
        Assert.Equal(FailureCode.InvalidConnectionString, Assert.Throws<RedisOperationException>(() => RedisClusterSession.Parse([])).Code);

    [Fact]
    public void Other_options_make_another_session_and_do_not_change_the_first()
    {
        var session = RedisClusterSession.Parse("a:1").WithAddressMap(new Dictionary<string, string> { ["a:1"] = "b:2" });

        var changed = session.With(
            session.Options with { User = "ann", Password = "secret", Tls = new TlsOptions(), CommandTimeout = TimeSpan.FromSeconds(1) });

        Assert.Equal(("ann", true, TimeSpan.FromSeconds(1)), (changed.User, changed.UseTls, changed.CommandTimeout));
        Assert.Equal("b:2", changed.AddressMap["a:1"]);
        Assert.Equal((null, false, TimeSpan.FromSeconds(30)), (session.User, session.UseTls, session.CommandTimeout));
    }

    [Fact]
    public void The_map_translates_announced_addresses_and_leaves_others_unchanged()
    {
        var session = RedisClusterSession.Parse("a:1").WithAddressMap(
            new Dictionary<string, string> { ["172.17.0.2:6379"] = "localhost:7000", ["Node-2"] = "localhost:7001", ["[::1]:7"] = "c" });

        Assert.Equal(new NodeEndpoint("localhost", 7000), session.MapAddress(new NodeEndpoint("172.17.0.2", 6379)));
        Assert.Equal(new NodeEndpoint("localhost", 7001), session.MapAddress(new NodeEndpoint("node-2", 6379)));
        Assert.Equal(new NodeEndpoint("c", 6379), session.MapAddress(new NodeEndpoint("::1", 7)));
        Assert.Equal(new NodeEndpoint("172.17.0.2", 6380), session.MapAddress(new NodeEndpoint("172.17.0.2", 6380)));
        Assert.Equal("localhost:7001", session.AddressMap["node-2:6379"]);
    }

    [Fact]
    public void A_host_is_mapped_for_all_ports()
    {
        var session = RedisClusterSession.Parse("a:1").WithAddressMap(
            new Dictionary<string, string> { ["172.17.0.2"] = "localhost", ["[fd00::2]"] = "[::1]", ["172.17.0.2:7005"] = "gateway:7" });

        Assert.Equal(new NodeEndpoint("localhost", 7001), session.MapAddress(new NodeEndpoint("172.17.0.2", 7001)));
        Assert.Equal(new NodeEndpoint("gateway", 7), session.MapAddress(new NodeEndpoint("172.17.0.2", 7005)));
        Assert.Equal(new NodeEndpoint("::1", 7002), session.With(new ConnectionOptions()).MapAddress(new NodeEndpoint("fd00::2", 7002)));
        Assert.Equal(new NodeEndpoint("::1", 7002), session.MapAddress(new NodeEndpoint("::1", 7002)));
    }

    [Fact]
    public void A_mapped_address_is_not_translated_again()
    {
        var session = RedisClusterSession.Parse("a:1").WithAddressMap(new Dictionary<string, string> { ["a:1"] = "b:1", ["b:1"] = "a:1" });

        Assert.Equal(new NodeEndpoint("b", 1), session.MapAddress(new NodeEndpoint("a", 1)));
        Assert.Equal(new NodeEndpoint("a", 1), session.MapAddress(new NodeEndpoint("b", 1)));
    }

    [Theory]
    [InlineData("a:b", "c:1")]
    [InlineData("a:1", "c:d")]
    [InlineData("a:1", "")]
    public void A_map_with_an_invalid_address_is_rejected(string announced, string reachable)
    {
        var failure = Assert.Throws<RedisOperationException>(
            () => RedisClusterSession.Parse("a:1").WithAddressMap(new Dictionary<string, string> { [announced] = reachable }));

        Assert.Equal(FailureCode.InvalidConnectionString, failure.Code);
        Assert.Contains("which is not host:port", failure.Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(30 * 86400)]
    public void A_timeout_out_of_range_is_rejected(int seconds)
    {
        var session = RedisClusterSession.Parse("a:1");
        var time = TimeSpan.FromSeconds(seconds);

        foreach (var options in new[] { session.Options with { ConnectTimeout = time }, session.Options with { CommandTimeout = time } })
            Assert.Equal(FailureCode.InvalidConnectionString, Assert.Throws<RedisOperationException>(() => session.With(options)).Code);
    }

    [Fact]
    public void No_output_contains_the_password()
    {
        var session = RedisClusterSession.Parse("redis://ann:secret@a:1");
        session = session.With(session.Options with { Tls = new TlsOptions { CertificatePassword = "secret" } });

        Assert.DoesNotContain("secret", $"{session} {session.Options} {session.Options.Tls}");
        foreach (var property in typeof(RedisClusterSession).GetProperties())
            Assert.DoesNotContain("secret", $"{property.GetValue(session)}");
    }
}
