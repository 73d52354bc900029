using System;
using System.Linq;
using System.Reflection;
using System.Security.Authentication;
using FsCheck;
using FsCheck.Fluent;
using RedisClusterOps.Protocol;
using Xunit;

namespace RedisClusterOps.Core.Tests.Cluster;

public sealed class ConnectionStringTests
{
    [Theory]
    [InlineData("127.0.0.1:7000", "127.0.0.1:7000")]
    [InlineData("foo", "foo:6379")]
    [InlineData("  a:1 , b:2 ,c  ", "a:1,b:2,c:6379")]
    [InlineData("a:1,a:1,A:1", "a:1")]
    [InlineData("[::1]:7000,fe80::1", "[::1]:7000,[fe80::1]:6379")]
    [InlineData("redis://a", "a:6379")]
    [InlineData("redis://a:1,b:2,c", "a:1,b:2,c:6379")]
    [InlineData("redis://a:1/", "a:1")]
    [InlineData("redis://a:1/0", "a:1")]
    [InlineData("redis://[::1]:7000", "[::1]:7000")]
    [InlineData("redis://[fe80::1%25eth0]:7000", "[fe80::1%eth0]:7000")]
    [InlineData("[fe80::1%eth0]:7000", "[fe80::1%eth0]:7000")]
    [InlineData("valkey://a:1", "a:1")]
    [InlineData("a:1,b:2,abortConnect=false,connectRetry=3,name=app,allowAdmin=true,keepAlive=60,defaultDatabase=0", "a:1,b:2")]
    public void Addresses_are_parsed_in_every_format(string text, string seeds)
    {
        var session = RedisClusterSession.Parse(text);

        Assert.Equal(seeds, session.ToString());
        Assert.Equal(new ConnectionOptions(), session.Options);
        Assert.False(session.UseTls);
        Assert.Null(session.User);
    }

    [Theory]
    [InlineData("redis://ann:secret@a:1,b:2", "ann", "secret")]
    [InlineData("redis://:secret@a:1,b:2", null, "secret")]
    [InlineData("redis://ann:@a:1,b:2", "ann", "")]
    [InlineData("redis://:@a:1,b:2", null, null)]
    [InlineData("redis://a%6En:p%40ss%3A%2F%2C%25%20x@a:1,b:2", "ann", "p@ss:/,% x")]
    [InlineData("redis://ann:p@s:s,w/ord@a:1,b:2", "ann", "p@s:s,w/ord")]
    [InlineData("redis://ann:a+b@a:1,b:2", "ann", "a+b")]
    [InlineData("a:1,b:2,user=ann,password=secret", "ann", "secret")]
    [InlineData("a:1,b:2,PASSWORD=sec=ret==", null, "sec=ret==")]
    [InlineData("a:1,b:2, password = secret ", null, "secret")]
    [InlineData("a:1,b:2,password=", null, null)]
    [InlineData("a:1,b:2,password=redis://x", null, "redis://x")]
    public void User_and_password_are_parsed_but_only_the_user_is_shown(string text, string? user, string? password)
    {
        var session = RedisClusterSession.Parse(text);

        Assert.Equal("a:1,b:2", session.ToString());
        Assert.Equal(user, session.User);
        Assert.Equal(password, session.Options.Password);
        Assert.DoesNotContain("secret", session.Options.ToString());
    }

    [Theory]
    [InlineData("rediss://a:1", true)]
    [InlineData("REDISS://a:1", true)]
    [InlineData("valkeys://a:1", true)]
    [InlineData("a:1,ssl=true", true)]
    [InlineData("a:1,ssl=True", true)]
    [InlineData("a:1,ssl=false", false)]
    [InlineData("redis://a:1", false)]
    public void TLS_is_enabled_by_the_scheme_or_by_ssl(string text, bool useTls) =>
        Assert.Equal(useTls, RedisClusterSession.Parse(text).UseTls);

    [Theory]
    [InlineData("a:1,connectTimeout=1500", 1.5, 30)]
    [InlineData("a:1,syncTimeout=1500", 5, 1.5)]
    [InlineData("a:1,asyncTimeout=1500", 5, 1.5)]
    [InlineData("a:1,syncTimeout=1500,asyncTimeout=2500", 5, 2.5)]
    [InlineData("a:1,syncTimeout=2500,asyncTimeout=1500", 5, 2.5)]
    [InlineData("a:1,syncTimeout=30000,asyncTimeout=1500", 5, 30)]
    public void Timeouts_are_in_milliseconds_and_the_longer_of_two_applies(string text, double connect, double command)
    {
        var session = RedisClusterSession.Parse(text);

        Assert.Equal(TimeSpan.FromSeconds(connect), session.ConnectTimeout);
        Assert.Equal(TimeSpan.FromSeconds(command), session.CommandTimeout);
    }

    [Theory]
    [InlineData("", "the text is empty")]
    [InlineData("   ", "the text is empty")]
    [InlineData(",", "it contains no host")]
    [InlineData("ssl=true", "it contains no host")]
    [InlineData("redis://", "it contains no host")]
    [InlineData("redis://ann:secret@", "it contains no host")]
    [InlineData("foo:bar", "'foo:bar' is not host:port; a port is 1 to 65535")]
    [InlineData("foo:", "'foo:' is not host:port")]
    [InlineData("foo:0", "'foo:0' is not host:port")]
    [InlineData("foo:65536", "'foo:65536' is not host:port")]
    [InlineData("foo:-1", "'foo:-1' is not host:port")]
    [InlineData("::1:17000", "'::1:17000' is not host:port; an IPv6 address before a port requires brackets")]
    [InlineData("[node-1]:7000", "'[node-1]:7000' is not host:port")]
    [InlineData("[::1:7000", "'[::1:7000' is not host:port")]
    [InlineData("[::1]:70000", "'[::1]:70000' is not host:port; a port is 1 to 65535")]
    [InlineData("a:1,foo:bar", "'foo:bar' is not host:port")]
    [InlineData("redis://a:1,foo:bar", "'foo:bar' is not host:port")]
    [InlineData(":7000", "':7000' is not a host name")]
    [InlineData("two words", "'two words' is not a host name")]
    [InlineData("/run/redis.sock", "'/run/redis.sock' is not a host name")]
    [InlineData("bell\a:1", "'bell\\x07:1' is not host:port")]
    [InlineData("unix:///run/redis.sock", "begins with redis:// or, for TLS, rediss://")]
    [InlineData("http://a:1", "begins with redis:// or, for TLS, rediss://")]
    [InlineData("redis://a:1/3", "in cluster mode the database is always 0")]
    [InlineData("redis://a:1?ssl=true", "can't have a '?' or '#' part")]
    [InlineData("redis://a:1#x", "can't have a '?' or '#' part")]
    [InlineData("redis://a:1,redis://b:2", "in cluster mode the database is always 0")]
    [InlineData("a:1,redis://b:2", "has redis:// once, at the beginning")]
    [InlineData("redis://secret@a:1", "user:password or :password")]
    [InlineData("ann:secret@a:1", "require the URL form")]
    [InlineData("redis://ann:secret@foo:bar", "'foo:bar' is not host:port")]
    [InlineData("a:1,user=ann", "user= requires password=")]
    [InlineData("a:1,password=secret,cret:1", "an address follows password=")]
    [InlineData("a:1,ssl=yes", "ssl= must be true or false")]
    [InlineData("a:1,connectTimeout=5s", "connectTimeout= must be a whole number of milliseconds")]
    [InlineData("a:1,syncTimeout=0", "syncTimeout= must be a whole number of milliseconds")]
    [InlineData("a:1,asyncTimeout=-1", "asyncTimeout= must be a whole number of milliseconds")]
    [InlineData("a:1,syncTimeout=99999999999", "syncTimeout= must be a whole number of milliseconds")]
    [InlineData("a:1,defaultDatabase=3", "defaultDatabase= must be 0")]
    [InlineData(
        "a:1,pasword=secret",
        "the key 'pasword' is unknown; valid keys are user, password, ssl, sslHost, sslProtocols, checkCertificateRevocation, connect")]
    [InlineData("a:1,=secret", "the key '' is unknown")]
    [InlineData("a:1,password=secret,proxy=Twemproxy", "proxy= is not supported")]
    [InlineData("a:1,password=secret,tunnel=http:proxy:8080", "tunnel= is not supported")]
    [InlineData("a:1,serviceName=mymaster", "serviceName= is not supported")]
    [InlineData("a:1,sentinelPassword=secret", "sentinelPassword= is not supported")]
    [InlineData("a:1,$CONFIG=", "'$CONFIG=' renames or disables a command")]
    [InlineData("a:1,ssl=true,sslProtocols=Ssl3", "sslProtocols= is a list of None, Tls, Tls11, Tls12, Tls13")]
    [InlineData("a:1,checkCertificateRevocation=maybe", "checkCertificateRevocation= must be true or false")]
    public void Invalid_text_is_rejected_with_the_reason_and_an_example_but_without_the_password(string text, string reason)
    {
        var failure = Assert.Throws<RedisOperationException>(() => RedisClusterSession.Parse(text));

        Assert.Equal(FailureCode.InvalidConnectionString, failure.Code);
        Assert.Contains(reason, failure.Message);
        Assert.Contains("Example: 127.0.0.1:7000", failure.Message);
        Assert.Contains("Connect-RedisCluster", failure.NextStep());
        Assert.DoesNotContain("secret", failure.ToString());
        Assert.DoesNotContain(failure.Message, char.IsControl);
    }

    public static TheoryData<string> Keys
    {
        get
        {
            var keys = typeof(StackExchange.Redis.ConfigurationOptions).GetNestedType("OptionKeys", BindingFlags.NonPublic)!
                .GetFields(BindingFlags.NonPublic | BindingFlags.Public | BindingFlags.Static)
                .Where(key => key.IsLiteral).Select(key => (string)key.GetRawConstantValue()!).ToList();
            Assert.InRange(keys.Count, 40, 100);
            return [.. keys];
        }
    }

    [Theory]
    [MemberData(nameof(Keys))]
    public void Every_key_of_StackExchange_Redis_is_known(string key)
    {
        var isRefused = key is "proxy" or "tunnel" or "serviceName" or "sentinelUser" or "sentinelPassword";
        foreach (var value in new[] { "0", "1", "true", "Tls12" })
        {
            var failure = Record.Exception(() => RedisClusterSession.Parse("a:1,password=p," + key + "=" + value));
            Assert.DoesNotContain("unknown", failure?.Message ?? string.Empty);
            if (isRefused)
                Assert.Contains(key + "= is not supported", failure!.Message);
            else if (failure is null)
                return;
        }

        Assert.True(isRefused, key + " takes no value");
    }

    [Fact]
    public void The_TLS_settings_of_StackExchange_Redis_apply_in_any_order_if_TLS_is_enabled()
    {
        const string Settings = "sslHost=redis.example,sslProtocols=tls12|tls13,checkCertificateRevocation=true";
        var tls = RedisClusterSession.Parse("a:1," + Settings + ",ssl=true").Options.Tls!;
        Assert.Equal(("redis.example", true), (tls.ServerName, tls.CheckRevocation));
        Assert.Equal(SslProtocols.Tls12 | SslProtocols.Tls13, tls.Protocols);
        Assert.Null(RedisClusterSession.Parse("a:1," + Settings).Options.Tls);
        var with = RedisClusterSession.Parse("a:1,ssl=true," + Settings).WithTls(new TlsOptions { CaCertificatePath = "ca.pem" });
        Assert.Equal(("ca.pem", "redis.example"), (with.Options.Tls!.CaCertificatePath, with.Options.Tls.ServerName));
    }

    [Fact]
    public void What_names_no_proxy_and_no_sentinel_is_accepted() =>
        Assert.Equal("a:1", RedisClusterSession.Parse("a:1,proxy=None,tunnel=,serviceName=,sentinelUser=").ToString());

    [Fact]
    public void Any_text_is_parsed_or_rejected_cleanly() =>
        Prop.ForAll(
            Gen.Elements("redis://", "rediss://", "unix://", "a", "b:1", ":", "@", ",", "=", "/", "%4", "%40", "[", "]", "::1", "user=",
                "password=", "ssl=true", "0", " ", "\n", "syncTimeout=5")
                .ArrayOf().Select(string.Concat).ToArbitrary(),
            text =>
            {
                try
                {
                    return RedisClusterSession.Parse(text).Seeds.Count > 0;
                }
                catch (RedisOperationException failure)
                {
                    return failure.Code == FailureCode.InvalidConnectionString && !failure.Message.Any(char.IsControl);
                }
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(3000));
}
