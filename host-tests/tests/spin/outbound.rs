//! `fermyon:spin/redis@2.0.0` by the crate with which Spin implements it, in front of a real Redis.

use redis::{ConnectionLike, Value};
use wasmtime::StoreContextMut;
use wasmtime::component::{ComponentType, Lift, Linker, Lower, Resource, ResourceType};

use crate::host::State;

/// A connection that a component has open.
struct Connection(redis::Connection);

#[derive(Debug, ComponentType, Lift, Lower)]
#[component(variant)]
enum Failure {
    #[component(name = "invalid-address")]
    InvalidAddress,
    #[component(name = "too-many-connections")]
    TooManyConnections,
    #[component(name = "type-error")]
    TypeError,
    #[component(name = "other")]
    Other(String),
}

#[derive(Debug, ComponentType, Lift, Lower)]
#[component(variant)]
enum Parameter {
    #[component(name = "int64")]
    Int64(i64),
    #[component(name = "binary")]
    Binary(Vec<u8>),
}

#[derive(Debug, ComponentType, Lift, Lower)]
#[component(variant)]
enum Item {
    #[component(name = "nil")]
    Nil,
    #[component(name = "status")]
    Status(String),
    #[component(name = "int64")]
    Int64(i64),
    #[component(name = "binary")]
    Binary(Vec<u8>),
}

pub(crate) fn link(linker: &mut Linker<State>) {
    let mut interface = linker.instance("fermyon:spin/redis@2.0.0").expect("it is linked once");
    let close = |mut store: StoreContextMut<'_, State>, rep| {
        store.data_mut().table.delete(Resource::<Connection>::new_own(rep))?;
        Ok(())
    };
    interface.resource("connection", ResourceType::host::<Connection>(), close).expect("it is linked once");
    let open = |mut store: StoreContextMut<'_, State>, (address,): (String,)| {
        let state = store.data_mut();
        state.opened += 1;
        let result = match open(&address, &state.allowed) {
            Ok(connection) => Ok(state.table.push(connection)?),
            Err(failure) => Err(failure),
        };
        Ok((result,))
    };
    interface.func_wrap("[static]connection.open", open).expect("it is linked once");
    let execute =
        |mut store: StoreContextMut<'_, State>,
         (connection, command, arguments): (Resource<Connection>, String, Vec<Parameter>)| {
            let connection = store.data_mut().table.get_mut(&connection)?;
            Ok((execute(&mut connection.0, &command, arguments),))
        };
    interface.func_wrap("[method]connection.execute", execute).expect("it is linked once");
}

fn open(address: &str, allowed: &[String]) -> Result<Connection, Failure> {
    let without_user = match (address.find("://"), address.rfind('@')) {
        (Some(scheme), Some(at)) => format!("{}{}", &address[..scheme + 3], &address[at + 1..]),
        _ => address.to_owned(),
    };
    let host = without_user.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
    if !allowed.contains(&host) {
        return Err(Failure::InvalidAddress);
    }
    let client = redis::Client::open(address).map_err(|_| Failure::InvalidAddress)?;
    client.get_connection().map(Connection).map_err(other)
}

fn execute(
    connection: &mut redis::Connection,
    command: &str,
    arguments: Vec<Parameter>,
) -> Result<Vec<Item>, Failure> {
    let mut cmd = redis::cmd(command);
    for argument in arguments {
        match argument {
            Parameter::Int64(number) => cmd.arg(number),
            Parameter::Binary(bytes) => cmd.arg(bytes),
        };
    }
    let value = connection.req_command(&cmd).and_then(|value| value.extract_error()).map_err(other)?;
    let mut items = Vec::new();
    append(value, &mut items);
    Ok(items)
}

/// Spin returns the items of nested arrays as one list.
fn append(value: Value, items: &mut Vec<Item>) {
    match value {
        Value::Nil => items.push(Item::Nil),
        Value::Int(number) => items.push(Item::Int64(number)),
        Value::BulkString(bytes) => items.push(Item::Binary(bytes)),
        Value::SimpleString(text) => items.push(Item::Status(text)),
        Value::Okay => items.push(Item::Status("OK".to_owned())),
        Value::Array(values) => values.into_iter().for_each(|value| append(value, items)),
        other => panic!("no command of the component replies with {other:?}"),
    }
}

fn other(error: redis::RedisError) -> Failure {
    Failure::Other(error.to_string())
}
