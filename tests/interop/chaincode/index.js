'use strict';

const { Assets } = require('./assets');

module.exports.contracts = [Assets];
